/*
 * m4cycles - QEMU TCG plugin (plugin API v1): instruction counts, instruction
 * mix and a Cortex-M4 cycle estimate for every marked region of an M-profile guest.
 *
 * build: gcc -O2 -Wall -Wextra -shared -fPIC -o m4cycles.so m4cycles.c
 *        (no QEMU headers needed; the handful of API v1 prototypes are below)
 * use:   qemu-system-arm -M mps2-an386 -nographic -semihosting -kernel x.elf \
 *          -plugin ./m4cycles.so,out=x.jsonl[,prof=x.prof][,P=2][,div=6][,agu=0][,unal=1][,vfp=1]
 *          [,all=1]
 *
 * Each region appends one line of JSON to the file out: instructions, cycles,
 * taken branches, pipelined loads, accesses that cross a word, [instructions,
 * cycles] of each segment, and the same of each instruction class. prof is
 * overwritten with the counts by address of the last region.
 *
 * Guest markers. These are unallocated 16-bit hints, so they are NOPs on a real
 * core and in QEMU.  They are not counted themselves.
 *      0xbf70  HINT #7  region begins (counters are zeroed)
 *      0xbf80  HINT #8  region ends   (its line is written)
 *      0xbf90  HINT #9  next segment  (e.g. the next layer) begins
 *      0xbfa0  HINT #10 segment ends, what follows is booked on segment "-"
 * With all=1 no markers are needed: everything from reset to exit is counted.
 *
 * Method. Every instruction is decoded once, when QEMU translates it, into a
 * descriptor (class, fixed cost, registers that matter for pairing). An
 * execution callback then sees the dynamic stream one instruction at a time, so
 * three things that need context are exact rather than guessed:
 *   - branch taken or not: the next executed address is not the following one;
 *   - pipelined loads: a single LDR right after a single LDR costs 1, not 2,
 *     unless its address uses the register that the first one loads;
 *   - instructions in an IT block whose condition fails: QEMU still reports
 *     them, at the cost of 1; a memory access is charged only if it happens.
 *
 * Timing table (Cortex-M4 TRM 3.3.1, zero-wait-state memory, P = pipeline refill)
 *   data processing, MUL, MLA, SMLAD, SMULL, UMLAL, SSAT, SXTB16 ...     1
 *   SDIV, UDIV                                                           div (6)
 *   LDR{B,H,SB,SH}                  2, or 1 when pipelined (see above)
 *   STR{B,H}  immediate             1    register offset                 2 (1 after LDR)
 *   LDRD, STRD, LDM, STM, PUSH, POP                                      1+N
 *   branches, BX, BL, CBZ: not taken 1, taken                            1+P
 *   TBB, TBH                                                             2+P
 *   load or POP into PC                                                  as load +P
 *   IT, NOP, hints                                                       1
 *   MRS, MSR                                                             2
 *   VLDR.32/VSTR.32                                                      2 (.64: 3)
 *   VLDM, VSTM, VPUSH, VPOP                                              1+N words
 *   VADD, VSUB, VMUL, VABS, VNEG, VCMP, VCVT, VMOV                       1 (two-register VMOV 2)
 *   VMLA, VMLS, VFMA ...                                                 3
 *   VDIV, VSQRT                                                          14
 *   any of these, VSTR or VMOV, whose single-precision operand the VFP
 *   arithmetic instruction just before has computed (TRM 7.2.3)          +1
 *   MVE and other coprocessor encodings (not on an M4)                   1 (class "mve")
 * Options: P= refill; div= divide; agu=1 adds a cycle where a load or store
 * address depends on the data-processing instruction just before it; unal=0
 * leaves out the +1 per access that crosses a word boundary (it is reported as
 * a separate sum in every case); vfp=0 the +1 for a VFP result that is needed at
 * once.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the part of QEMU's plugin API v1 that is used here -------------------- */
typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info; /* only passed through */
enum { CB_NO_REGS = 0 };
enum { MEM_R = 1, MEM_W = 2, MEM_RW = 3 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t,
                                                  void (*)(qemu_plugin_id_t,
                                                           struct qemu_plugin_tb *));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *,
                                                   void (*)(unsigned, void *), int flags, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *,
                                             void (*)(unsigned, qemu_plugin_meminfo_t, uint64_t,
                                                      void *),
                                             int flags, int rw, void *);
extern unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *),
                                           void *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

/* ---- instruction classes -------------------------------------------------- */
/* clang-format off */
#define CLASSES(X) \
    X(ALU, "alu") \
    X(EXT, "extend/sxtb16") \
    X(SIMD, "parallel add/sub") \
    X(MUL, "mul/mla") \
    X(DMAC, "dual mac (smlad..)") \
    X(HMAC, "half mac (smlabb..)") \
    X(LMUL, "long mul (smull,smlal..)") \
    X(SAT, "ssat/usat") \
    X(DIV, "div") \
    X(LD, "load single") \
    X(ST, "store single") \
    X(LDM, "load multiple/pair") \
    X(STM, "store multiple/pair") \
    X(BC, "branch conditional") \
    X(BU, "branch b") \
    X(CALL, "call bl/blx") \
    X(BX, "branch indirect/return") \
    X(IT, "it") \
    X(NOP, "nop/hint/barrier") \
    X(SYS, "system") \
    X(VLD, "vfp load") \
    X(VST, "vfp store") \
    X(VARITH, "vfp add/mul/cmp/cvt") \
    X(VMAC, "vfp mac") \
    X(VDIV, "vfp div/sqrt") \
    X(VMOV, "vfp move") \
    X(LOB, "loop (dls/wls/le)") \
    X(MVE, "mve/other coproc")
/* clang-format on */
enum cls {
#define X(a, b) C_##a,
    CLASSES(X)
#undef X
        C_N
};
static const char *const cls_name[] = {
#define X(a, b) b,
    CLASSES(X)
#undef X
};

enum { MARK_NONE, MARK_BEGIN, MARK_END, MARK_SEG, MARK_SEGEND };

struct desc {
    uint32_t pc;
    unsigned size, cls, cost;
    unsigned mark;
    bool single_ld;     /* LDR-type that takes part in pipelining */
    bool single_st_reg; /* STR with register offset */
    bool conditional;   /* inside an IT block */
    bool mem;           /* accesses memory */
    int rd;             /* register written (ALU and single load), -1: none/unknown */
    int rn, rm;         /* address registers of a load/store, -1: none */
    int vd;             /* single-precision register that VFP arithmetic computes, -1: none */
    uint32_t vs;        /* set of those that a VFP instruction reads */
    uint64_t n, cyc;    /* totals for the profile */
};

static unsigned opt_P = 2, opt_div = 6, opt_agu, opt_unal = 1, opt_vfp = 1, opt_all;
static const char *opt_out, *opt_prof;

/* ---- descriptors by address (two-level table on pc >> 1) ------------------- */
static struct desc **page[1 << 16];
static struct desc *desc_at(uint32_t pc)
{
    struct desc ***p = &page[pc >> 16];
    if (!*p)
        *p = calloc(1 << 15, sizeof **p);
    struct desc **d = &(*p)[(pc & 0xffff) >> 1];
    if (!*d)
        *d = calloc(1, sizeof **d);
    return *d;
}

/* ---- decoder ---------------------------------------------------------------*/
static unsigned pop(unsigned v)
{
    return (unsigned)__builtin_popcount(v);
}

static void set(struct desc *d, enum cls c, unsigned cost)
{
    d->cls = c;
    d->cost = cost;
}

static void load1(struct desc *d, int rt, int rn, int rm)
{
    set(d, C_LD, 2);
    d->single_ld = rt != 15;
    d->rd = rt;
    d->rn = rn;
    d->rm = rm;
    d->mem = true;
}

static void store1(struct desc *d, int rn, int rm)
{
    set(d, C_ST, rm >= 0 ? 2 : 1);
    d->single_st_reg = rm >= 0;
    d->rn = rn;
    d->rm = rm;
    d->mem = true;
}

static void multi(struct desc *d, bool is_load, unsigned n, int rn)
{
    set(d, is_load ? C_LDM : C_STM, 1 + n);
    d->rn = rn;
    d->mem = true;
}

static void decode16(struct desc *d, unsigned h)
{
    if (h < 0x4000) { /* shift, add, sub, mov, cmp */
        unsigned op = h >> 11;
        set(d, C_ALU, 1);
        d->rd = op == 5 ? -1 : op >= 4 ? (int)(h >> 8) & 7 : (int)h & 7;
        return;
    }
    if (h < 0x4400) {
        set(d, (h & 0xffc0) == 0x4340 ? C_MUL : C_ALU, 1);
        d->rd = h & 7;
        return;
    }
    if (h < 0x4700) { /* hi-register ADD, CMP, MOV */
        int rd = (h & 7) | ((h >> 4) & 8);
        bool cmp = (h & 0xff00) == 0x4500;
        set(d, rd == 15 && !cmp ? C_BX : C_ALU, 1);
        d->rd = cmp ? -1 : rd;
        return;
    }
    if (h < 0x4800) {
        set(d, h & 0x80 ? C_CALL : C_BX, 1);
        return;
    }
    if (h < 0x5000) {
        load1(d, (h >> 8) & 7, 15, -1);
        return;
    }
    if (h < 0x6000) {
        unsigned op = (h >> 9) & 7;
        int rn = (h >> 3) & 7, rm = (h >> 6) & 7;
        if (op < 3)
            store1(d, rn, rm);
        else
            load1(d, h & 7, rn, rm);
        return;
    }
    if (h < 0x9000) {
        int rn = (h >> 3) & 7;
        if (h & 0x800)
            load1(d, h & 7, rn, -1);
        else
            store1(d, rn, -1);
        return;
    }
    if (h < 0xa000) {
        if (h & 0x800)
            load1(d, (h >> 8) & 7, 13, -1);
        else
            store1(d, 13, -1);
        return;
    }
    if (h < 0xb000) {
        set(d, C_ALU, 1);
        d->rd = (h >> 8) & 7;
        return;
    }
    if (h < 0xc000) {
        if ((h & 0xf500) == 0xb100) {
            set(d, C_BC, 1);
            return;
        }
        if ((h & 0xff00) == 0xb000) {
            set(d, C_ALU, 1);
            d->rd = 13;
            return;
        }
        if ((h & 0xff00) == 0xb200) {
            set(d, C_EXT, 1);
            d->rd = h & 7;
            return;
        }
        if ((h & 0xfe00) == 0xb400) {
            multi(d, false, pop(h & 0x1ff), 13);
            return;
        }
        if ((h & 0xfe00) == 0xbc00) {
            multi(d, true, pop(h & 0x1ff), 13);
            return;
        }
        if ((h & 0xff00) == 0xba00) {
            set(d, C_ALU, 1);
            d->rd = h & 7;
            return;
        }
        if ((h & 0xff00) == 0xbf00) {
            if (h & 0xf) {
                set(d, C_IT, 1);
                return;
            }
            set(d, C_NOP, 1);
            d->mark = h == 0xbf70   ? MARK_BEGIN
                      : h == 0xbf80 ? MARK_END
                      : h == 0xbf90 ? MARK_SEG
                      : h == 0xbfa0 ? MARK_SEGEND
                                    : MARK_NONE;
            return;
        }
        set(d, C_SYS, 1);
        return; /* CPS, BKPT */
    }
    if (h < 0xd000) {
        multi(d, h & 0x800, pop(h & 0xff), (h >> 8) & 7);
        return;
    }
    if (h < 0xe000) {
        set(d, (h & 0x0f00) >= 0x0e00 ? C_SYS : C_BC, 1);
        return;
    }
    set(d, C_BU, 1);
}

/* Which single-precision registers a VFP instruction reads and, when it computes, writes. */
static void vfp_registers(struct desc *d, unsigned a, unsigned b)
{
    unsigned vd = (b >> 11 & 30) | (a >> 6 & 1), vn = (a & 15) << 1 | (b >> 7 & 1);
    unsigned vm = (b & 15) << 1 | (b >> 5 & 1), op = (a >> 4) & 0xb;
    uint32_t d_set = 1u << vd, n_set = 1u << vn, m_set = 1u << vm;
    if ((a & 0xfe00) == 0xec00) {
        bool one_store = (a & 0xff30) == 0xed00;
        d->vs = one_store ? d_set : 0;
    } else if ((a & 0xff00) == 0xee00 && b & 0x10) {
        d->vs = (a & 0xfff0) == 0xee10 ? n_set : 0; /* VMOV to a core register */
    } else if ((a & 0xff00) == 0xee00 && op == 11) {
        bool immediate = !(b & 0x40), compare = (a & 14) == 4, move = (a & 15) == 0;
        d->vs = compare ? d_set | ((a & 15) == 4 ? m_set : 0) : immediate ? 0 : m_set;
        d->vd = immediate || compare || (move && !(b & 0x80)) ? -1 : (int)vd;
    } else if ((a & 0xff00) == 0xee00) {
        d->vs = n_set | m_set | (d->cls == C_VMAC ? d_set : 0);
        d->vd = (int)vd;
    }
}

static void decode_vfp(struct desc *d, unsigned a, unsigned b)
{
    unsigned cp = (b >> 8) & 15;
    if (cp != 10 && cp != 11) {
        set(d, C_MVE, 1);
        return;
    }
    if ((a & 0xfe00) == 0xec00) { /* load, store, 64-bit move */
        bool P = a & 0x100, W = a & 0x20, L = a & 0x10;
        if ((a & 0xffe0) == 0xec40) {
            set(d, C_VMOV, 2);
            return;
        }
        d->mem = true;
        d->rn = a & 15;
        set(d, L ? C_VLD : C_VST, P && !W ? (cp == 10 ? 2 : 3) : 1 + (b & 0xff));
        return;
    }
    if ((a & 0xff00) != 0xee00) {
        set(d, (a & 0xff00) == 0xfe00 ? C_VARITH : C_MVE, 1);
        return;
    }
    if (b & 0x10) {
        set(d, C_VMOV, 1);
        return;
    }
    switch ((a >> 4) & 0xb) {
    case 0:
    case 1:
    case 9:
    case 10:
        set(d, C_VMAC, 3);
        break;
    case 8:
        set(d, C_VDIV, 14);
        break;
    case 11:
        if ((a & 15) == 1 && (b & 0xc0) == 0xc0) {
            set(d, C_VDIV, 14);
            break;
        } /* fall through */
    default:
        set(d, C_VARITH, 1);
    }
}

static void decode32(struct desc *d, unsigned a, unsigned b)
{
    int rn = a & 15;
    if ((a & 0xfe40) == 0xe800) {
        multi(d, a & 0x10, pop(b), rn);
        return;
    }
    if ((a & 0xfe40) == 0xe840) {
        if ((a & 0xfff0) == 0xe8d0 && (b & 0xffe0) == 0xf000) {
            set(d, C_BX, 2);
            d->mem = true;
            return;
        }
        if ((a & 0xff60) == 0xe840) { /* exclusive, acquire/release */
            if (a & 0x10)
                load1(d, (b >> 12) & 15, rn, -1);
            else
                store1(d, rn, -1);
            return;
        }
        multi(d, a & 0x10, 2, rn);
        return; /* LDRD, STRD */
    }
    if ((a & 0xfe00) == 0xea00) {
        set(d, C_ALU, 1);
        d->rd = (b >> 8) & 15;
        if (d->rd == 15)
            d->rd = -1;
        return;
    }
    if ((a & 0xec00) == 0xec00) {
        decode_vfp(d, a, b);
        if (((b >> 8) & 15) == 10)
            vfp_registers(d, a, b);
        return;
    }
    if ((a & 0xf800) == 0xf000) {
        if (!(b & 0x8000)) {
            bool sat = (a & 0xff50) == 0xf300; /* SSAT, USAT */
            set(d, sat ? C_SAT : C_ALU, 1);
            d->rd = (b >> 8) & 15;
            if (d->rd == 15)
                d->rd = -1;
            return;
        }
        if ((b & 0xf001) == 0xc001) {
            set(d, C_LOB, 1);
            return;
        }
        if ((b & 0xd000) == 0xd000) {
            set(d, C_CALL, 1);
            return;
        }
        if ((b & 0xd000) == 0x9000) {
            set(d, C_BU, 1);
            return;
        }
        if ((b & 0xd000) == 0x8000) {
            if (((a >> 6) & 15) < 14) {
                set(d, C_BC, 1);
                return;
            }
            if ((a & 0xffe0) == 0xf3e0 || (a & 0xffe0) == 0xf380) {
                set(d, C_SYS, 2);
                return;
            }
            set(d, C_NOP, 1);
            return;
        }
        set(d, C_SYS, 1);
        return;
    }
    if ((a & 0xfe00) == 0xf800) { /* LDR/STR single */
        int rt = (b >> 12) & 15;
        bool reg = !(a & 0x80) && rn != 15 && (b & 0x0fc0) == 0;
        int rm = reg ? (int)(b & 15) : -1;
        if (!(a & 0x10)) {
            store1(d, rn, rm);
            return;
        }
        if (rt == 15 && (a & 0x60) != 0x40) {
            set(d, C_NOP, 1);
            return;
        } /* PLD and the like */
        load1(d, rt, rn, rm);
        return;
    }
    if ((a & 0xff00) == 0xfa00) {
        bool ext = !(a & 0x80) && (b & 0x80), par = (a & 0x80) && !(b & 0x80);
        set(d, ext ? C_EXT : par ? C_SIMD : C_ALU, 1);
        d->rd = (b >> 8) & 15;
        return;
    }
    if ((a & 0xff80) == 0xfb00) {
        unsigned op = (a >> 4) & 7;
        set(d, op == 2 || op == 4 ? C_DMAC : op == 1 || op == 3 ? C_HMAC : C_MUL, 1);
        d->rd = (b >> 8) & 15;
        return;
    }
    if ((a & 0xff80) == 0xfb80) {
        unsigned op = (a >> 4) & 7;
        if (op == 1 || op == 3)
            set(d, C_DIV, opt_div);
        else
            set(d, (op == 4 || op == 5) && (b & 0xf0) >= 0xc0 ? C_DMAC : C_LMUL, 1);
        d->rd = (b >> 8) & 15;
        return;
    }
    set(d, C_MVE, 1);
}

/* ---- counters --------------------------------------------------------------*/
struct sum {
    uint64_t insn, cyc, taken, piped, crossing, cond_skipped_mem;
    uint64_t n[C_N], c[C_N];
};
static struct sum *seg; /* seg[0] is "-", 1.. are the marked segments */
static unsigned nseg, cap, cur;
static bool running, done;
static struct desc *prev;

static void seg_new(void)
{
    if (nseg == cap) {
        cap = cap ? 2 * cap : 64;
        seg = realloc(seg, cap * sizeof *seg);
        if (!seg)
            abort();
    }
    memset(&seg[nseg++], 0, sizeof *seg);
}

static void add(struct sum *t, const struct sum *s)
{
    t->insn += s->insn;
    t->cyc += s->cyc;
    t->taken += s->taken;
    t->piped += s->piped;
    t->crossing += s->crossing;
    t->cond_skipped_mem += s->cond_skipped_mem;
    for (int i = 0; i < C_N; i++) {
        t->n[i] += s->n[i];
        t->c[i] += s->c[i];
    }
}

/* Address, executions, cycles and class of every instruction of the last region. */
static void write_profile(void)
{
    FILE *f = fopen(opt_prof, "w");
    if (!f) {
        perror(opt_prof);
        return;
    }
    for (unsigned i = 0; i < 1 << 16; i++)
        for (unsigned j = 0; page[i] && j < 1 << 15; j++) {
            const struct desc *d = page[i][j];
            if (d && d->n)
                fprintf(f, "%08x %" PRIu64 " %" PRIu64 " %s\n", d->pc, d->n, d->cyc,
                        cls_name[d->cls]);
        }
    fclose(f);
}

/* One line of JSON for the region, whole before the guest's next instruction runs. */
static void report(void)
{
    FILE *f = opt_out ? fopen(opt_out, "a") : stderr;
    if (!f) {
        perror(opt_out);
        f = stderr;
    }
    struct sum t;
    memset(&t, 0, sizeof t);
    for (unsigned i = 0; i < nseg; i++)
        add(&t, &seg[i]);
    fprintf(f,
            "{\"instructions\": %" PRIu64 ", \"cycles\": %" PRIu64 ", \"taken\": %" PRIu64
            ", \"pipelined_loads\": %" PRIu64 ", \"crossing\": %" PRIu64 ", \"segments\": [",
            t.insn, t.cyc, t.taken, t.piped, t.crossing);
    for (unsigned i = 0; i < nseg; i++)
        fprintf(f, "%s[%" PRIu64 ", %" PRIu64 "]", i ? ", " : "", seg[i].insn, seg[i].cyc);
    fprintf(f, "], \"classes\": {");
    const char *comma = "";
    for (int i = 0; i < C_N; i++) {
        if (!t.n[i])
            continue;
        fprintf(f, "%s\"%s\": [%" PRIu64 ", %" PRIu64 "]", comma, cls_name[i], t.n[i], t.c[i]);
        comma = ", ";
    }
    fprintf(f, "}}\n");
    if (f != stderr)
        fclose(f);
    if (opt_prof)
        write_profile();
}

static void begin(void)
{
    nseg = 0;
    seg_new();
    cur = 0;
    for (unsigned i = 0; i < 1 << 16; i++)
        for (unsigned j = 0; page[i] && j < 1 << 15; j++)
            if (page[i][j])
                page[i][j]->n = page[i][j]->cyc = 0;
    running = true;
    done = false;
    prev = NULL;
}

/* one executed instruction */
static void on_exec(unsigned cpu, void *u)
{
    struct desc *d = u;
    (void)cpu;
    if (!running) {
        if (d->mark == MARK_BEGIN)
            begin();
        return;
    }
    struct desc *p = prev;
    struct sum *s = &seg[cur];
    if (p && p->pc + p->size != d->pc) { /* previous one jumped */
        s->taken++;
        s->cyc += opt_P;
        s->c[p->cls] += opt_P;
        p->cyc += opt_P;
        p = NULL;
    }
    prev = d;
    if (d->mark) {
        if (d->mark == MARK_END) {
            running = false;
            done = true;
            report();
        } else if (d->mark == MARK_SEG) {
            seg_new();
            cur = nseg - 1;
        } else if (d->mark == MARK_SEGEND)
            cur = 0;
        return;
    }
    unsigned c = d->cost;
    if (d->mem) {
        bool after_ld = p && p->single_ld && !p->conditional && !d->conditional && p->rd != d->rn &&
                        p->rd != d->rm;
        if (after_ld && d->single_ld) {
            c = 1;
            s->piped++;
        } else if (after_ld && d->single_st_reg)
            c = 1;
        if (d->conditional)
            c = 1; /* the rest is charged in on_mem */
        if (opt_agu && p && !p->mem && p->rd >= 0 && (p->rd == d->rn || p->rd == d->rm))
            c++;
    }
    if (p && p->vd >= 0 && d->vs >> p->vd & 1)
        c += opt_vfp;
    s->insn++;
    s->n[d->cls]++;
    s->cyc += c;
    s->c[d->cls] += c;
    d->n++;
    d->cyc += c;
}

/* one memory access of the instruction just reported */
static void on_mem(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t va, void *u)
{
    struct desc *d = u;
    (void)cpu;
    if (!running || d->mark)
        return;
    struct sum *s = &seg[cur];
    unsigned sz = 1u << qemu_plugin_mem_size_shift(info), c = 0;
    if (d->conditional) {
        if (d->cls == C_LD || d->cls == C_VLD || d->cls == C_VST || d->single_st_reg)
            c += 1;
        else if (d->cls == C_LDM || d->cls == C_STM)
            c += sz > 4 ? 2 : 1;
    }
    if (sz <= 4 && (va & 3) + sz > 4) {
        s->crossing++;
        c += opt_unal;
    }
    s->cyc += c;
    s->c[d->cls] += c;
    d->cyc += c;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    static uint32_t it_next;
    static unsigned it_left; /* IT block may continue in the next TB */
    (void)id;
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++) {
        struct qemu_plugin_insn *in = qemu_plugin_tb_get_insn(tb, i);
        const uint8_t *b = qemu_plugin_insn_data(in);
        uint32_t pc = (uint32_t)qemu_plugin_insn_vaddr(in);
        struct desc *d = desc_at(pc);
        uint64_t keep_n = d->n, keep_c = d->cyc;
        memset(d, 0, sizeof *d);
        d->n = keep_n;
        d->cyc = keep_c;
        d->pc = pc;
        d->rd = d->rn = d->rm = d->vd = -1;
        unsigned h1 = b[0] | b[1] << 8;
        /* not qemu_plugin_insn_size(): at the end of a page QEMU 7.2 peeks at the next
         * instruction and books these bytes on a 16-bit one as well */
        d->size = h1 >= 0xe800 ? 4 : 2;
        if (d->size == 4)
            decode32(d, h1, b[2] | (unsigned)b[3] << 8);
        else
            decode16(d, h1);
        if (it_left && pc == it_next) {
            d->conditional = true;
            it_left--;
            it_next = pc + d->size;
        } else if (d->cls == C_IT) {
            it_left = 4 - (unsigned)__builtin_ctz(h1 & 15);
            it_next = pc + 2;
        } else if (pc != it_next)
            it_left = 0;
        qemu_plugin_register_vcpu_insn_exec_cb(in, on_exec, CB_NO_REGS, d);
        if (d->mem)
            qemu_plugin_register_vcpu_mem_cb(in, on_mem, CB_NO_REGS, MEM_RW, d);
    }
}

static void on_exit_(qemu_plugin_id_t id, void *u)
{
    (void)id;
    (void)u;
    if (running && !done)
        report();
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                               char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *v = strchr(argv[i], '=');
        if (!v++) {
            fprintf(stderr, "m4cycles: bad option %s\n", argv[i]);
            return -1;
        }
        size_t k = (size_t)(v - argv[i] - 1);
#define OPT(name) (k == sizeof name - 1 && !strncmp(argv[i], name, k))
        if (OPT("out"))
            opt_out = strdup(v);
        else if (OPT("prof"))
            opt_prof = strdup(v);
        else if (OPT("P"))
            opt_P = (unsigned)atoi(v);
        else if (OPT("div"))
            opt_div = (unsigned)atoi(v);
        else if (OPT("agu"))
            opt_agu = (unsigned)atoi(v);
        else if (OPT("unal"))
            opt_unal = (unsigned)atoi(v);
        else if (OPT("vfp"))
            opt_vfp = (unsigned)atoi(v);
        else if (OPT("all"))
            opt_all = (unsigned)atoi(v);
        else {
            fprintf(stderr, "m4cycles: unknown option %s\n", argv[i]);
            return -1;
        }
    }
    if (opt_all)
        begin();
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
    return 0;
}
