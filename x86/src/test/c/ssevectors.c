/*
 * Records what this machine does for register forms of MMX, SSE and SSE2:
 *   gcc -O1 -mno-red-zone -o ssevectors ssevectors.c && ./ssevectors SEED ROUNDS > FILE
 * A record has 88 bytes, little endian (see SimdVectors.java): 7 instruction bytes, their count, MXCSR before and after,
 * 1 if SIGFPE came, arithmetic flags after, XMM0 (its low half also MM0) and XMM1 (its low half also MM1 and RAX) before,
 * XMM0, RAX and MM0 after.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct record { uint8_t bytes[7], length; uint32_t mxcsr, mxcsr2, fault, flags; uint64_t a[2], b[2], r[2], rax, mm0; };

static uint64_t state;
static uint64_t rnd(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state * 0x2545F4914F6CDD1DULL; }

static uint8_t *code;
static volatile uint32_t fault, fault_mxcsr;
static int length;

static void handler(int s, siginfo_t *i, void *u) {
    ucontext_t *c = u; (void) s; (void) i;
    fault = 1; fault_mxcsr = c->uc_mcontext.fpregs->mxcsr;
    c->uc_mcontext.fpregs->mxcsr = 0x1f80;
    c->uc_mcontext.gregs[REG_RIP] = (greg_t) (code + length);
}

static uint32_t f32(void) {
    static const uint32_t s[] = {0, 1, 0x7fffff, 0x800000, 0x800001, 0x3f800000, 0x3f7fffff, 0x3f800001, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff,
        0x4f000000, 0x4effffff, 0x5f000000, 0x34000000, 0x3f000000, 0x00ffffff, 0x40490fdb, 0x4b000000, 0x4b000001, 0x3fc00000, 0x7fa00000};
    uint32_t v;
    switch (rnd() % 6) {
    case 0: v = s[rnd() % (sizeof s / 4)]; break;
    case 1: v = rnd(); break;
    case 2: v = (127 - 26 + rnd() % 60) << 23 | (rnd() & 0x7fffff); break;
    case 3: v = (rnd() % 40) << 23 | (rnd() & 0x7fffff); break;
    case 4: v = (126 + rnd() % 6) << 23 | (rnd() & 0x7fffff & -(1 << rnd() % 24)); break;
    default: v = (rnd() % 2 ? rnd() % 3 : 0xfc + rnd() % 3) << 23 | (rnd() & 0x7fffff); break;
    }
    return v | (rnd() & 1) << 31;
}
static uint64_t f64(void) {
    static const uint64_t s[] = {0, 1, 0xfffffffffffffULL, 0x10000000000000ULL, 0x3ff0000000000000ULL, 0x3fefffffffffffffULL, 0x3ff0000000000001ULL, 0x7fefffffffffffffULL,
        0x7ff0000000000000ULL, 0x7ff0000000000001ULL, 0x7ff8000000000000ULL, 0x7fffffffffffffffULL, 0x41dfffffffc00000ULL, 0x41e0000000000000ULL, 0x43e0000000000000ULL,
        0x43dfffffffffffffULL, 0x3fe0000000000000ULL, 0x41dfffffffe00000ULL, 0x380fffffffffffffULL, 0x47efffffefffffffULL, 0x47efffffe0000000ULL, 0x3690000000000000ULL, 0x36a0000000000000ULL,
        0x3ff8000000000000ULL, 0xc1e0000000200000ULL, 0x4330000000000000ULL, 0x4330000000000001ULL};
    uint64_t v;
    switch (rnd() % 7) {
    case 0: v = s[rnd() % (sizeof s / 8)]; break;
    case 1: v = rnd(); break;
    case 2: v = (1023 - 55 + rnd() % 120) << 52 | (rnd() & 0xfffffffffffffULL); break;
    case 3: v = (rnd() % 60) << 52 | (rnd() & 0xfffffffffffffULL); break;
    case 4: v = (1022 + rnd() % 6) << 52 | (rnd() & 0xfffffffffffffULL & -(1ULL << rnd() % 53)); break;
    case 5: v = (1023 - 151 + rnd() % 30) << 52 | (rnd() & 0xfffffffffffffULL & -(1ULL << rnd() % 53)); break;
    default: v = (rnd() % 2 ? rnd() % 3 : 0x7fc + rnd() % 3) << 52 | (rnd() & 0xfffffffffffffULL); break;
    }
    return v | (rnd() & 1) << 63;
}
static uint64_t integer(void) {
    switch (rnd() % 4) {
    case 0: { uint64_t v = 0; static const uint8_t s[] = {0, 0xff, 0x80, 0x7f, 1}; for (int i = 0; i < 8; i++) v = v << 8 | s[rnd() % 5]; return v; }
    case 1: return rnd() >> (rnd() % 64);
    case 2: return rnd() % 70;
    default: return rnd();
    }
}
static void fill(uint64_t *p, int kind) {
    for (int i = 0; i < 2; i++)
        p[i] = kind == 0 ? integer() : kind == 1 ? f32() | (uint64_t) f32() << 32 : f64();
}

static void run(struct record *r) {
    memcpy(code, r->bytes, r->length); code[r->length] = 0xc3; length = r->length;
    fault = 0;
    uint64_t rax = r->b[0], fl = 0; uint32_t after; uint8_t mm[8];
    uint32_t mx = r->mxcsr, plain = 0x1f80;
    __asm__ volatile(
        "emms\n\tmovq (%[a]), %%mm0\n\tmovq (%[b]), %%mm1\n\tmovdqu (%[a]), %%xmm0\n\tmovdqu (%[b]), %%xmm1\n\tldmxcsr %[mx]\n\t"
        "xorl %%edx, %%edx\n\tcall *%[code]\n\tpushfq\n\tpopq %[fl]\n\tstmxcsr %[after]\n\tldmxcsr %[plain]\n\tmovdqu %%xmm0, (%[r])\n\tmovq %%mm0, %[mm]\n\temms"
        : "+a"(rax), [fl] "=&d"(fl), [after] "=m"(after), [mm] "=m"(mm)
        : [a] "r"(r->a), [b] "r"(r->b), [r] "r"(r->r), [code] "r"(code), [mx] "m"(mx), [plain] "m"(plain)
        : "memory", "xmm0", "xmm1", "cc");
    r->mxcsr2 = fault ? fault_mxcsr : after; r->fault = fault; r->flags = fl & 0x8d5; r->rax = rax; memcpy(&r->mm0, mm, 8);
}

/* prefixes: bit 0 none, 1 66, 2 F3, 3 F2; kind: 0 integers, 1 floats; imm: 1 byte; w: with REX.W too; modrm (0 = C1) */
static const struct { uint8_t opcode, prefixes, kind, imm, w, modrm; } forms[] = {
    {0x51,15,1,0,0,0},{0x52,5,1,0,0,0},{0x53,5,1,0,0,0},{0x54,3,0,0,0,0},{0x55,3,0,0,0,0},{0x56,3,0,0,0,0},{0x57,3,0,0,0,0},
    {0x58,15,1,0,0,0},{0x59,15,1,0,0,0},{0x5a,15,1,0,0,0},{0x5b,7,1,0,0,0},{0x5c,15,1,0,0,0},{0x5d,15,1,0,0,0},{0x5e,15,1,0,0,0},{0x5f,15,1,0,0,0},
    {0xc2,15,1,1,0,0},{0xc6,3,0,1,0,0},{0x14,3,0,0,0,0},{0x15,3,0,0,0,0},{0x2e,3,1,0,0,0},{0x2f,3,1,0,0,0},
    {0x2a,15,0,0,1,0xc0},{0x2a,3,0,0,0,0xc1},{0x2c,15,1,0,1,0},{0x2d,15,1,0,1,0},{0xe6,14,1,0,0,0},{0x5b,1,0,0,0,0},{0xe6,4,0,0,0,0},
    {0x10,15,0,0,0,0},{0x12,1,0,0,0,0},{0x16,1,0,0,0,0},{0x28,3,0,0,0,0},{0x50,3,0,0,0,0},{0xd6,14,0,0,0,0},{0x7e,7,0,0,1,0xc0},{0x6e,3,0,0,1,0xc0},{0x7e,4,0,0,0,0xc1},
    {0x60,3,0,0,0,0},{0x61,3,0,0,0,0},{0x62,3,0,0,0,0},{0x63,3,0,0,0,0},{0x64,3,0,0,0,0},{0x65,3,0,0,0,0},{0x66,3,0,0,0,0},{0x67,3,0,0,0,0},{0x68,3,0,0,0,0},{0x69,3,0,0,0,0},
    {0x6a,3,0,0,0,0},{0x6b,3,0,0,0,0},{0x6c,2,0,0,0,0},{0x6d,2,0,0,0,0},{0x6f,7,0,0,0,0},{0x70,15,0,1,0,0},{0x71,3,0,1,0,0xd0},{0x71,3,0,1,0,0xe0},{0x71,3,0,1,0,0xf0},
    {0x72,3,0,1,0,0xd0},{0x72,3,0,1,0,0xe0},{0x72,3,0,1,0,0xf0},{0x73,3,0,1,0,0xd0},{0x73,3,0,1,0,0xf0},{0x73,2,0,1,0,0xd8},{0x73,2,0,1,0,0xf8},{0x74,3,0,0,0,0},{0x75,3,0,0,0,0},{0x76,3,0,0,0,0},
    {0xd1,3,0,0,0,0},{0xd2,3,0,0,0,0},{0xd3,3,0,0,0,0},{0xd4,3,0,0,0,0},{0xd5,3,0,0,0,0},{0xd7,3,0,0,0,0},{0xd8,3,0,0,0,0},{0xd9,3,0,0,0,0},{0xda,3,0,0,0,0},{0xdb,3,0,0,0,0},
    {0xdc,3,0,0,0,0},{0xdd,3,0,0,0,0},{0xde,3,0,0,0,0},{0xdf,3,0,0,0,0},{0xe0,3,0,0,0,0},{0xe1,3,0,0,0,0},{0xe2,3,0,0,0,0},{0xe3,3,0,0,0,0},{0xe4,3,0,0,0,0},{0xe5,3,0,0,0,0},
    {0xe8,3,0,0,0,0},{0xe9,3,0,0,0,0},{0xea,3,0,0,0,0},{0xeb,3,0,0,0,0},{0xec,3,0,0,0,0},{0xed,3,0,0,0,0},{0xee,3,0,0,0,0},{0xef,3,0,0,0,0},{0xf1,3,0,0,0,0},{0xf2,3,0,0,0,0},
    {0xf3,3,0,0,0,0},{0xf4,3,0,0,0,0},{0xf5,3,0,0,0,0},{0xf6,3,0,0,0,0},{0xf8,3,0,0,0,0},{0xf9,3,0,0,0,0},{0xfa,3,0,0,0,0},{0xfb,3,0,0,0,0},{0xfc,3,0,0,0,0},{0xfd,3,0,0,0,0},{0xfe,3,0,0,0,0},
    {0xc4,3,0,1,0,0xc0},{0xc5,3,0,1,0,0xc1},
};

int main(int argc, char **argv) {
    state = argc > 1 ? strtoull(argv[1], 0, 0) * 2 + 1 : 1;
    int rounds = argc > 2 ? atoi(argv[2]) : 100;
    code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_sigaction = handler; sa.sa_flags = SA_SIGINFO; sigaction(SIGFPE, &sa, 0);
    for (int i = 0; i < 64; i++) rnd();
    static const uint8_t prefix[] = {0, 0x66, 0xf3, 0xf2};
    for (int n = 0; n < rounds; n++)
        for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
            for (int p = 0; p < 4; p++) {
                if (!(forms[f].prefixes >> p & 1)) continue;
                /* integer forms need fewer rounds */
                if (forms[f].kind == 0 && n % 4) continue;
                struct record r; memset(&r, 0, sizeof r);
                int k = 0;
                if (p) r.bytes[k++] = prefix[p];
                if (forms[f].w && rnd() % 2 && (p >= 2 || forms[f].opcode >= 0x60)) { if (!(forms[f].opcode == 0x7e && p == 2)) r.bytes[k++] = 0x48; }
                r.bytes[k++] = 0x0f; r.bytes[k++] = forms[f].opcode; r.bytes[k++] = forms[f].modrm ? forms[f].modrm : 0xc1;
                if (forms[f].opcode == 0x2c || forms[f].opcode == 0x2d) r.bytes[k - 1] = 0xc1;
                if (forms[f].imm) { uint8_t i = rnd() % 2 ? rnd() : rnd() % 18; r.bytes[k++] = forms[f].opcode == 0xc2 ? i & 7 : i; }
                r.length = k;
                int kind = forms[f].kind == 0 ? 0 : rnd() % 16 == 0 ? 0 : (forms[f].opcode == 0x5a || forms[f].opcode == 0xe6 ? (p == 1 || p == 3 || forms[f].opcode == 0xe6 ? 2 : 1)
                    : forms[f].opcode == 0x5b ? 1 : p & 1 ? 2 : 1);
                fill(r.a, kind); fill(r.b, kind);
                if (rnd() % 8 == 0) memcpy(r.b, r.a, 16);
                r.mxcsr = (rnd() % 3 ? 0x1f80 : (rnd() & 0x3f) << 7) | (rnd() & 3) << 13 | (rnd() % 4 == 0) << 6 | (rnd() % 4 == 0) << 15 | (rnd() % 2 ? 0 : rnd() & 0x3f);
                if (rnd() % 3 == 0) r.mxcsr = 0x1f80 | (rnd() & 1) << 5;
                if ((r.mxcsr >> 7 & 0x3f) != 0x3f) r.mxcsr &= ~(~(r.mxcsr >> 7) & 0x3f);
                run(&r);
                fwrite(&r, sizeof r, 1, stdout);
            }
    return 0;
}
