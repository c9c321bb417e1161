"""TensorFlow's C++ writes to the descriptors: nothing of that reaches the terminal, everything of Python's does."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(script: str) -> tuple[str, str]:
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, done.stderr


def test_descriptors_are_captured_and_python_is_spared() -> None:
    out, err = run("""
        import os, sys
        from toolchain.importers.tensorflow import captured
        print("before")
        with captured() as log:
            os.write(1, b"C++ out ")
            os.write(2, b"C++ err ")
            print("progress", file=sys.stderr)
            print("result")
            with captured() as inner:
                os.write(2, b"deep")
                print("nested")
        assert log.text == "C++ out C++ err ", log.text
        assert inner.text == "deep", inner.text
        os.write(2, b"after")
    """)
    assert out == "before\nresult\nnested\n"
    assert err == "progress\nafter"


def test_python_too() -> None:
    out, err = run("""
        import os, sys
        from toolchain.importers.tensorflow import captured
        with captured(python_too=True) as log:
            print("chatter")
            print("bar", file=sys.stderr)
        assert sorted(log.text.split()) == ["bar", "chatter"], log.text
        print("after")
    """)
    assert (out, err) == ("after\n", "")


def test_restored_after_an_error_and_with_closed_descriptors() -> None:
    out, err = run("""
        import os, sys
        from toolchain.importers.tensorflow import captured
        streams = sys.stdout, sys.stderr
        try:
            with captured():
                os.write(1, b"lost")
                raise KeyError
        except KeyError:
            pass
        assert (sys.stdout, sys.stderr) == streams
        os.close(2)
        with captured():
            print("still works")
    """)
    assert (out, err) == ("still works\n", "")
