#!/bin/sh
# Looks for what pip cannot install: Python's venv, the host compiler, the Arm compiler with its C headers, QEMU.
# What is missing is installed with apt when that needs no password; otherwise the line to run is printed and
# the exit code is 2. Nothing is fetched when nothing is missing. With the argument "test", what only the tests use
# is looked for as well; gdb, stm32flash, the Arm compiler's C++ library and RISC-V's tools only where apt may bring
# them, since tests that miss them say so. TARGET in the environment, a target's name or file, brings what only that target needs.
set -eu
purpose=${1:-run}
target=${TARGET:-stm32}
here=$(dirname "$0")

apt='' dnf='' brew='' what='' wanted=''
need() { # what, packages for apt, dnf and brew
    what="$what${what:+, }$1"
    apt="$apt $2" dnf="$dnf $3" brew="$brew${4:+ $4}"
}

want() { # package for apt, the programs of which one will do
    package=$1
    shift
    for program; do
        command -v "$program" >/dev/null && return 0
    done
    wanted="$wanted $package"
}

compiles() { # compiler, its options: does it find a C library's headers?
    printf '#include <string.h>\n' | "$@" -fsyntax-only -x c - >/dev/null 2>&1
}

riscv='riscv64-unknown-elf-gcc --specs=picolibc.specs'
riscv_packages='gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf'
names_riscv() { # does the target's description ask for that compiler?
    case $target in
    *.toml) description=$target ;;
    *) description=$here/../targets/$target.toml ;;
    esac
    [ -f "$description" ] || return 1
    while read -r line; do
        [ "$line" = 'prefix = "riscv64-unknown-elf-"' ] && return 0
    done <"$description"
    return 1
}

compiles_cxx() { # compiler: does it find a C++ library's headers?
    printf '#include <cstring>\n' | "$1" -fsyntax-only -x c++ - >/dev/null 2>&1
}

check() {
    apt='' dnf='' brew='' what='' wanted=''
    if python=$("$here/python.sh"); then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        package=python3-venv
        [ "$(command -v python3 || true)" = "$python" ] || package=python$version-venv
        "$python" -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv" "$package" python3-pip python@3.12
    elif [ $? -eq 1 ]; then
        need "Python 3.10 to 3.13" "python3 python3-venv" python3.12 python@3.12
    else
        exit 2
    fi
    compiles gcc || need gcc "gcc libc6-dev" gcc gcc
    compiles arm-none-eabi-gcc || need "the Arm compiler" "gcc-arm-none-eabi libnewlib-arm-none-eabi" \
        "arm-none-eabi-gcc-cs arm-none-eabi-newlib" gcc-arm-embedded
    command -v qemu-system-arm >/dev/null || need QEMU qemu-system-arm qemu-system-arm qemu
    if [ "$purpose" != test ] && names_riscv; then
        # shellcheck disable=SC2086 # a list of words; others than Debian's name this compiler otherwise
        compiles $riscv || need "the RISC-V compiler" "$riscv_packages" ''
        command -v qemu-system-riscv32 >/dev/null || need "QEMU for RISC-V" qemu-system-misc qemu-system-riscv qemu
    fi
    [ "$purpose" = test ] || return 0
    compiles_cxx g++ || need g++ g++ gcc-c++ gcc
    want gdb-multiarch gdb-multiarch arm-none-eabi-gdb
    want stm32flash stm32flash
    compiles_cxx arm-none-eabi-g++ || wanted="$wanted libstdc++-arm-none-eabi-newlib"
    # shellcheck disable=SC2086 # a list of words
    compiles $riscv || wanted="$wanted $riscv_packages"
    want qemu-system-misc qemu-system-riscv32
}

apt_install() {
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
    $as_root apt-get -q update
    # shellcheck disable=SC2086 # both are lists of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $apt $wanted
}

may_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

check
[ -z "$what$wanted" ] && exit 0
if may_install; then
    echo "Installing with apt:$apt$wanted"
    apt_install
    check
fi
[ -z "$what" ] && exit 0
{
    echo "Missing: $what. To install it:"
    if command -v apt-get >/dev/null; then echo "    sudo apt-get install$apt"
    elif command -v dnf >/dev/null; then echo "    sudo dnf install$dnf"
    elif command -v brew >/dev/null; then echo "    brew install$brew"
    else
        echo "    Debian, Ubuntu:  sudo apt-get install$apt"
        echo "    Fedora:          sudo dnf install$dnf"
        echo "    macOS:           brew install$brew"
    fi
    echo "Then run make again."
} >&2
exit 2
