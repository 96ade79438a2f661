/*
 * Runs instruction templates on the host's processor and prints a hash of what they did to seeded inputs, for
 * NativeVectorsTest. Input: lines "<hex bytes> <text>" on stdin. With -v every vector's outcome is printed as well.
 * Inputs, memory layout and hash are described in NativeVectors.java and must stay the same in both.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef uint64_t u64;
#define VECTORS 64
#define DATA 0x12000ul
#define WORDS 64
#define FLAGS 0x8d5ul
#define DIVIDE_ERROR 0xdedededeul

struct state {
    unsigned long rax, rbx, rcx, rdx, rsi, rdi, r8, r9, flags;
};

void run(struct state *s, void *code);
#ifdef __x86_64__
asm(".globl run\nrun: push %rbx\npush %rbp\npush %r12\npush %rdi\nmov %rsi,%r10\nmov %rdi,%r11\n"
    "push 64(%r11)\npopfq\nmov (%r11),%rax\nmov 8(%r11),%rbx\nmov 16(%r11),%rcx\nmov 24(%r11),%rdx\n"
    "mov 32(%r11),%rsi\nmov 40(%r11),%rdi\nmov 48(%r11),%r8\nmov 56(%r11),%r9\ncall *%r10\n"
    "mov (%rsp),%r11\npushfq\ncld\nmov %rax,(%r11)\nmov %rbx,8(%r11)\nmov %rcx,16(%r11)\nmov %rdx,24(%r11)\n"
    "mov %rsi,32(%r11)\nmov %rdi,40(%r11)\nmov %r8,48(%r11)\nmov %r9,56(%r11)\npop 64(%r11)\n"
    "pop %rdi\npop %r12\npop %rbp\npop %rbx\nret\n");
#else
void *target __attribute__((used));
asm(".globl run\nrun: push %ebx\npush %ebp\npush %esi\npush %edi\nmov 20(%esp),%ebp\nmov 24(%esp),%eax\nmov %eax,target\n"
    "push 32(%ebp)\npopf\nmov (%ebp),%eax\nmov 4(%ebp),%ebx\nmov 8(%ebp),%ecx\nmov 12(%ebp),%edx\n"
    "mov 16(%ebp),%esi\nmov 20(%ebp),%edi\ncall *target\n"
    "mov 20(%esp),%ebp\npushf\ncld\nmov %eax,(%ebp)\nmov %ebx,4(%ebp)\nmov %ecx,8(%ebp)\nmov %edx,12(%ebp)\n"
    "mov %esi,16(%ebp)\nmov %edi,20(%ebp)\npop 32(%ebp)\npop %edi\npop %esi\npop %ebp\npop %ebx\nret\n");
#endif

static u64 seed;
static u64 next(void) {
    seed += 0x9E3779B97F4A7C15ull;
    u64 z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}
static u64 value(void) {
    u64 kind = next() & 7, a = next(), b = next();
    switch (kind) {
        case 0: return a & 63;
        case 1: return 1ull << (a & 63);
        case 2: return -(1ull << (a & 63));
        case 3: return a >> (b & 63);
        case 4: return b & 1 ? 0 : -1ull;
        default: return a;
    }
}
static u64 hash;
static void mix(u64 x) {
    hash = (hash ^ x) * 0x100000001b3ull;
    hash ^= hash >> 29;
}

static sigjmp_buf escape;
static void divide_error(int signal) {
    siglongjmp(escape, signal);
}

int main(int argc, char **argv) {
    int verbose = argc > 1 && !strcmp(argv[1], "-v");
    unsigned char *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    u64 *data = (u64 *)DATA;
    mmap((void *)0x10000, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    struct sigaction action = {.sa_handler = divide_error};
    sigaction(SIGFPE, &action, 0);
    static char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        char *text = strchr(line, ' ');
        int length = (text - line) / 2;
        for (int i = 0; i < length; i++) {
            unsigned byte;
            sscanf(line + 2 * i, "%2x", &byte);
            code[i] = byte;
        }
        code[length] = 0xc3;
        hash = 0xcbf29ce484222325ull;
        for (int v = 0; v < VECTORS; v++) {
            seed = v;
            struct state s = {.rsi = DATA + 0x80, .rdi = DATA + 0x100};
            s.rax = value();
            s.rbx = value();
            s.rcx = value();
            s.rdx = value();
            s.r8 = value();
            s.r9 = value();
            s.flags = (next() & FLAGS) | 0x202;
            for (int i = 0; i < WORDS; i++) {
                data[i] = value();
            }
            struct state before = s;
            int fault = sigsetjmp(escape, 1);
            if (!fault) {
                run(&s, code);
            }
            if (fault) {
                mix(DIVIDE_ERROR);
            } else {
#ifdef __x86_64__
                u64 out[] = {s.rax, s.rbx, s.rcx, s.rdx, s.rsi, s.rdi, s.r8, s.r9, s.flags & FLAGS};
#else
                u64 out[] = {s.rax, s.rbx, s.rcx, s.rdx, s.rsi, s.rdi, s.flags & FLAGS};
#endif
                for (unsigned i = 0; i < sizeof out / sizeof *out; i++) {
                    mix(out[i]);
                }
                for (int i = 0; i < WORDS; i++) {
                    mix(data[i]);
                }
            }
            if (verbose) {
                printf("%d: %lx %lx %lx %lx %lx -> %s%lx %lx %lx %lx %lx %lx %lx [%llx %llx]\n", v, before.rax, before.rbx,
                       before.rcx, before.rdx, before.flags & FLAGS, fault ? "#DE " : "", s.rax, s.rbx, s.rcx, s.rdx, s.rsi,
                       s.rdi, s.flags & FLAGS, (unsigned long long)data[16], (unsigned long long)data[32]);
            }
        }
        printf("%016llx %s", (unsigned long long)hash, line);
    }
}
