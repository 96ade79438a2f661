/*
 * Records what this machine does for the instructions of isaforms.S:
 *   gcc -O1 -mno-red-zone -mavx2 -o isavectors isavectors.c isaforms.S && ./isavectors VECTORS > FILE
 * Operands come from a generator that IsaVectors.java shares, so that the file needs only results: number of forms, vectors for
 * each, and for each form its 16 bytes and a 32-bit hash for every 8 vectors. With a second argument the results themselves are
 * written (24 quadwords a vector), to look at a mismatch.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct form { uint8_t kind, flags, length, code[13]; };
extern const struct form forms[], forms_end[];

static uint64_t state;
static uint64_t rnd(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state * 0x2545F4914F6CDD1DULL; }
static uint64_t below(uint64_t n) { return (rnd() >> 33) % n; }

static uint8_t *code;
static volatile uint32_t fault, fault_mxcsr;
static int length;

static void handler(int s, siginfo_t *i, void *u) {
    ucontext_t *c = u; (void) s; (void) i;
    fault = 1; fault_mxcsr = c->uc_mcontext.fpregs->mxcsr;
    c->uc_mcontext.fpregs->mxcsr = 0x1f80;
    c->uc_mcontext.gregs[REG_RIP] = (greg_t) (code + length);
}

/* A float of the given widths of exponent and fraction. */
static uint64_t real(int e, int f) {
    uint64_t bias = (1ULL << (e - 1)) - 1, fraction = rnd() & ((1ULL << f) - 1), exponent;
    switch (below(7)) {
    case 0: exponent = bias + below(2 * f) - f; break;
    case 1: exponent = bias + below(4); fraction &= -(1ULL << below(f)); break;
    case 2: exponent = below(3); fraction &= -(1ULL << below(f)); break;
    case 3: exponent = 2 * bias - 1 + below(3); fraction &= -(1ULL << below(f)); break;
    case 4: exponent = below(2) * (2 * bias + 1); fraction = below(3) == 0 ? 0 : fraction; break;
    case 5: exponent = bias + below(4) * f / 2; fraction = below(2) ? 0 : (1ULL << f) - 1; break;
    default: exponent = rnd() & (2 * bias + 1); break;
    }
    return (exponent & (2 * bias + 1)) << f | fraction | (rnd() & 1) << (e + f);
}
static uint64_t integer(void) {
    switch (below(4)) {
    case 0: { uint64_t v = 0; static const uint8_t s[] = {0, 0xff, 0x80, 0x7f, 1}; for (int i = 0; i < 8; i++) v = v << 8 | s[below(5)]; return v; }
    case 1: return rnd() >> below(64);
    case 2: return below(70) | below(70) << 32;
    default: return rnd();
    }
}
static uint64_t lane(int kind) {
    switch (kind) {
    case 1: { uint64_t low = real(8, 23); return low | real(8, 23) << 32; }
    case 2: return real(11, 52);
    case 3: { uint64_t v = 0; for (int i = 0; i < 4; i++) v = v << 16 | real(5, 10); return v; }
    case 6: { uint64_t v = 0; static const uint8_t s[] = {0, 'a', 'a', 'b', 'z', 0x80, 0xff, 'b'}; for (int i = 0; i < 8; i++) v = v << 8 | s[below(8)]; return v; }
    default: return integer();
    }
}

struct vector { uint64_t v[4][4], memory[8], rax, rcx, rdx; uint32_t mxcsr; uint8_t imm; };
static struct vector in __attribute__((aligned(64)));
static uint64_t memory[8] __attribute__((aligned(64)));
/* ymm0, ymm1, memory, rax, rcx, mm0, flags, mxcsr, fault */
static uint64_t out[24];

static void generate(int number, int n, const struct form *f) {
    state = ((uint64_t) number << 20 | (uint64_t) n) * 0x9E3779B97F4A7C15ULL + 12345;
    for (int i = 0; i < 4; i++) rnd();
    int kind = f->kind >= 1 && f->kind <= 3 && below(16) == 0 ? 0 : f->kind;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            in.v[i][j] = i == 2 && kind == 4 ? below(8) | below(8) << 32 : i == 2 && kind == 5 ? below(8) : lane(kind);
    for (int j = 0; j < 8; j++) in.memory[j] = lane(kind);
    if (below(8) == 0) memcpy(in.v[1], in.v[0], 32);
    in.rax = kind == 6 ? below(50) - 25 : integer();
    in.rcx = integer();
    in.rdx = kind == 6 ? below(50) - 25 : integer();
    uint64_t mode = below(3), masks = rnd() & 0x3f, flags = rnd() & 0x3f;
    in.mxcsr = 0x1f80 | (uint32_t) below(2) << 5;
    if (mode != 0) {
        if (mode == 1 || (f->flags & 2)) masks = 0x3f;
        flags &= masks;
        in.mxcsr = (uint32_t) (masks << 7 | flags | below(4) << 13 | (below(4) == 0) << 6 | (below(4) == 0) << 15);
    }
    in.imm = (uint8_t) (below(2) ? rnd() : below(18));
}

static void run(const struct form *f) {
    memcpy(code, f->code, f->length);
    if (f->flags & 1) code[f->length - 1] = in.imm;
    code[f->length] = 0xc3; length = f->length; fault = 0;
    memcpy(memory, in.memory, 64);
    uint64_t rax = in.rax, rcx = in.rcx, rdx = in.rdx, flags;
    uint32_t after, plain = 0x1f80;
    uint64_t *o = out;
    __asm__ volatile(
        "emms\n\tmovq 0(%[in]), %%mm0\n\tmovq 32(%[in]), %%mm1\n\t"
        "vmovdqu 0(%[in]), %%ymm0\n\tvmovdqu 32(%[in]), %%ymm1\n\tvmovdqu 64(%[in]), %%ymm2\n\tvmovdqu 96(%[in]), %%ymm3\n\t"
        "ldmxcsr %[mx]\n\txorl %%r8d, %%r8d\n\tcall *%[code]\n\tpushfq\n\tpopq %[fl]\n\tstmxcsr %[after]\n\tldmxcsr %[plain]\n\t"
        "vmovdqu %%ymm0, 0(%[o])\n\tvmovdqu %%ymm1, 32(%[o])\n\tmovq %%mm0, 144(%[o])\n\temms\n\tvzeroupper"
        : "+a"(rax), "+c"(rcx), "+d"(rdx), [fl] "=&r"(flags), [after] "=m"(after)
        : [in] "r"(&in), [o] "r"(o), [code] "r"(code), [mx] "m"(in.mxcsr), [plain] "m"(plain), "D"(memory)
        : "memory", "r8", "xmm0", "xmm1", "xmm2", "xmm3", "cc");
    memcpy(out + 8, memory, 64);
    out[16] = rax; out[17] = rcx; out[19] = flags & 0x8d5; out[20] = fault ? fault_mxcsr : after; out[21] = fault; out[22] = out[23] = 0;
}

int main(int argc, char **argv) {
    int count = (int) (forms_end - forms), vectors = argc > 1 ? atoi(argv[1]) : 160;
    code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_sigaction = handler; sa.sa_flags = SA_SIGINFO; sigaction(SIGFPE, &sa, 0);
    fwrite(&count, 4, 1, stdout); fwrite(&vectors, 4, 1, stdout);
    for (int i = 0; i < count; i++) {
        fwrite(&forms[i], 16, 1, stdout);
        uint64_t hash = 0;
        for (int n = 0; n < vectors; n++) {
            generate(i, n, &forms[i]);
            run(&forms[i]);
            if (argc > 2) fwrite(out, sizeof out, 1, stdout);
            for (int k = 0; k < 24; k++) { hash = (hash ^ out[k]) * 0x9E3779B97F4A7C15ULL; hash ^= hash >> 32; }
            if (n % 8 == 7 && argc <= 2) fwrite(&hash, 4, 1, stdout);
        }
    }
    fprintf(stderr, "%d forms, %d vectors\n", count, count * vectors);
    return 0;
}
