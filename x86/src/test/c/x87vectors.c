/*
 * Records what this machine's x87 does: gcc -O1 -mno-red-zone -o x87vectors x87vectors.c && ./x87vectors SEED ROUNDS > FILE
 * A record has 52 bytes, little endian (see X87VectorTest).
 *   u8 opcode, u8 modrm, u16 control, u16 status before (TOP = 0), u16 tags used (abridged, 2 lowest: ST0, ST1),
 *   10 bytes ST0, 10 bytes ST1, then after: u16 status, u8 tags used, u8 zero, 10 bytes ST0', 10 bytes ST1'
 * Register forms only name ST0 and ST1. Memory forms are loads and stores through the low bytes of ST1's field.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct __attribute__((packed)) image { uint16_t cw, r0, sw, r1, tw, r2; uint32_t fip; uint16_t fcs, fop; uint32_t fdp, fds; uint8_t st[8][10]; };
struct __attribute__((packed)) record { uint8_t opcode, modrm; uint16_t control, status; uint16_t used; uint8_t a[10], b[10];
    uint16_t status2; uint8_t used2, zero; uint8_t a2[10], b2[10]; };

static uint64_t state;
static uint64_t rnd(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state * 0x2545F4914F6CDD1DULL; }

static const uint16_t special_se[] = {0, 1, 2, 0x3ffe, 0x3fff, 0x4000, 0x4001, 0x403e, 0x403d, 0x403f, 0x7ffe, 0x7fff, 0x3fbe, 0x3fc0, 0x3c01, 0x3c00,
    0x3bcd, 0x43fe, 0x43ff, 0x3f81, 0x3f80, 0x407e, 0x407f, 0x3f6a};
static const uint64_t special_m[] = {0, 1, 0x8000000000000000ULL, 0x8000000000000001ULL, 0xc000000000000000ULL, 0xffffffffffffffffULL, 0x7fffffffffffffffULL,
    0xbfffffffffffffffULL, 0xfffffffffffff800ULL, 0xfffffffffffffc00ULL, 0xffffff0000000000ULL, 0xffffff8000000000ULL, 0x8000008000000000ULL,
    0x8000000000000400ULL, 0xa000000000000000ULL, 0x4000000000000000ULL, 0xc90fdaa22168c235ULL, 0xfffffffffffffffeULL, 0x00000000ffffffffULL};

static void operand(uint8_t *p, int kind) {
    uint16_t se; uint64_t m;
    switch (kind == 9 ? (int) (rnd() % 8) : kind) {
    case 0: se = special_se[rnd() % (sizeof special_se / 2)]; m = special_m[rnd() % (sizeof special_m / 8)]; break;
    case 1: se = rnd() & 0x7fff; m = rnd() | 1ULL << 63; break;
    case 2: se = 0x3fff - 70 + rnd() % 140; m = rnd() | 1ULL << 63; break;
    case 3: se = 0x3fff - 4 + rnd() % 8; m = rnd() | 1ULL << 63; break;
    case 4: se = 0x3fff - 4 + rnd() % 70; m = rnd() << (rnd() % 64) | 1ULL << 63; break;
    case 5: se = rnd() % 2 ? rnd() % 70 : 0x7ffe - rnd() % 70; m = rnd() << (rnd() % 64) | 1ULL << 63; break;
    case 6: se = rnd() & 1; m = rnd() >> (rnd() % 64); if (se && !(rnd() % 8)) m |= 1ULL << 63; break;
    default: se = 0x7fff; m = rnd() | (rnd() % 8 ? 1ULL << 63 : 0); break;
    }
    if (rnd() & 1) se |= 0x8000;
    memcpy(p, &m, 8); memcpy(p + 8, &se, 2);
}

static uint8_t *code;

static void run(struct record *r) {
    struct image in, out;
    memset(&in, 0, sizeof in);
    in.cw = r->control; in.sw = r->status; in.tw = 0xffff;
    for (int i = 0; i < 8; i++) if (r->used >> i & 1) in.tw &= ~(3 << 2 * i);
    memcpy(in.st[0], r->a, 10); memcpy(in.st[1], r->b, 10);
    uint8_t memory[16];
    memset(memory, 0, 16); memcpy(memory, r->b, 10);
    code[0] = r->opcode; code[1] = r->modrm; code[2] = 0xc3;
    __builtin___clear_cache((char *) code, (char *) code + 3);
    __asm__ volatile("frstor %1\n\tcall *%2\n\tfnsave %0\n\tfninit" : "=m"(out) : "m"(in), "r"(code), "a"(memory) : "memory");
    r->status2 = out.sw;
    r->used2 = 0; r->zero = 0;
    for (int i = 0; i < 8; i++) if ((out.tw >> 2 * i & 3) != 3) r->used2 |= 1 << i;
    memcpy(r->a2, out.st[0], 10); memcpy(r->b2, out.st[1], 10);
    if (r->modrm < 0xc0) memcpy(r->b2, memory, 10);
}

/* opcode, modrm pairs: register forms with ST(1); then memory forms with [rax]. */
static const uint8_t forms[][2] = {
    {0xd8,0xc1},{0xd8,0xc9},{0xd8,0xe1},{0xd8,0xe9},{0xd8,0xf1},{0xd8,0xf9},{0xdc,0xc1},{0xdc,0xe1},{0xdc,0xe9},{0xdc,0xf1},{0xdc,0xf9},
    {0xde,0xc1},{0xde,0xc9},{0xde,0xe1},{0xde,0xe9},{0xde,0xf1},{0xde,0xf9},
    {0xd8,0xd1},{0xd8,0xd9},{0xdd,0xe1},{0xdd,0xe9},{0xde,0xd9},{0xda,0xe9},
    {0xd9,0xfa},{0xd9,0xfc},{0xd9,0xfd},{0xd9,0xf8},{0xd9,0xf5},{0xd9,0xf4},{0xd9,0xe0},{0xd9,0xe1},{0xd9,0xe4},{0xd9,0xe5},
    {0xd9,0xe8},{0xd9,0xe9},{0xd9,0xea},{0xd9,0xeb},{0xd9,0xec},{0xd9,0xed},{0xd9,0xee},{0xd9,0xc1},{0xd9,0xc9},{0xdd,0xd1},{0xdd,0xd9},{0xdd,0xc1},
    {0xd9,0xf6},{0xd9,0xf7},{0xdf,0xc1},{0xda,0xc1},{0xda,0xd1},{0xdb,0xc1},{0xdc,0xd1},{0xde,0xd1},
    {0xd9,0x00},{0xdd,0x00},{0xdb,0x28},{0xdb,0x00},{0xdf,0x00},{0xdf,0x28},{0xdf,0x20},
    {0xd9,0x10},{0xd9,0x18},{0xdd,0x10},{0xdd,0x18},{0xdb,0x38},{0xdb,0x10},{0xdb,0x18},{0xdf,0x10},{0xdf,0x18},{0xdf,0x38},{0xdb,0x08},{0xdf,0x08},{0xdd,0x08},{0xdf,0x30},
    {0xd8,0x00},{0xd8,0x08},{0xd8,0x10},{0xd8,0x20},{0xd8,0x30},{0xd8,0x38},{0xdc,0x00},{0xdc,0x10},{0xdc,0x18},{0xdc,0x28},{0xdc,0x30},{0xda,0x00},{0xda,0x10},{0xda,0x30},{0xde,0x08},{0xde,0x38},
    {0xd9,0xf0},{0xd9,0xf1},{0xd9,0xf9},{0xd9,0xf3},{0xd9,0xfe},{0xd9,0xff},{0xd9,0xfb},{0xd9,0xf2},
};

int main(int argc, char **argv) {
    state = argc > 1 ? strtoull(argv[1], 0, 0) * 2 + 1 : 1;
    int rounds = argc > 2 ? atoi(argv[2]) : 100;
    code = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 64; i++) rnd();
    for (int n = 0; n < rounds; n++)
        for (size_t f = 0; f < sizeof forms / 2; f++) {
            struct record r;
            memset(&r, 0, sizeof r);
            r.opcode = forms[f][0]; r.modrm = forms[f][1];
            int transcendental = r.opcode == 0xd9 && (r.modrm == 0xf0 || r.modrm == 0xf1 || r.modrm == 0xf9 || r.modrm == 0xf2 || r.modrm == 0xf3
                || r.modrm == 0xfe || r.modrm == 0xff || r.modrm == 0xfb);
            static const int pc[] = {0, 2, 3, 3};
            r.control = 0x40 | (rnd() % 3 ? 0x3f : rnd() & 0x3f) | pc[rnd() & 3] << 8 | (rnd() & 3) << 10;
            r.status = rnd() & 0x4700;
            r.used = rnd() % 16 ? 3 : rnd() & 0xff;
            operand(r.a, rnd() % 4 ? 9 : 2); operand(r.b, rnd() % 4 ? 9 : 2);
            if (rnd() % 8 == 0) { int k = rnd() % 10; memcpy(r.b, r.a, 10); if (k < 3) r.b[k] ^= 1 << rnd() % 8; if (k == 4) r.b[9] ^= 0x80; if (k == 5) r.b[9]++; }
            if (r.modrm < 0xc0 && rnd() % 2 == 0) {
                /* interesting singles and doubles in memory */
                if (r.opcode & 4) { uint64_t d = rnd(); int k = rnd() % 4; if (k == 0) d &= ~(0x7ffULL << 52); if (k == 1) d |= 0x7ffULL << 52; if (k == 2) d &= ~0xfffffffffULL; memcpy(r.b, &d, 8); }
                else { uint32_t s = rnd(); int k = rnd() % 4; if (k == 0) s &= ~(0xffU << 23); if (k == 1) s |= 0xffU << 23; if (k == 2) s &= ~0xffffU; memcpy(r.b, &s, 4); }
            }
            if (transcendental) {
                if (rnd() % 2) operand(r.a, 3);
                uint16_t se; memcpy(&se, r.a + 8, 2);
                if (r.modrm == 0xf0 && (se & 0x7fff) >= 0x3fff && (se & 0x7fff) != 0x7fff) { se = (se & 0x8000) | 0x3ffe; memcpy(r.a + 8, &se, 2); }
                if (r.modrm == 0xf9 && (se & 0x7fff) >= 0x3ffd && (se & 0x7fff) != 0x7fff) { se = (se & 0x8000) | 0x3ffc; memcpy(r.a + 8, &se, 2); }
            }
            run(&r);
            fwrite(&r, sizeof r, 1, stdout);
        }
    return 0;
}
