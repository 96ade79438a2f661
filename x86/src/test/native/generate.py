#!/usr/bin/env python3
"""Writes the native vectors: generate.py 64 > ../resources/nestbox/x86/op/native64.txt (and 32). Needs gcc and binutils."""
import os
import subprocess
import sys
import tempfile

BITS = int(sys.argv[1])
SIZES = (8, 16, 32, 64) if BITS == 64 else (8, 16, 32)
WIDE = [s for s in SIZES if s > 8]
NAMES = {8: "{}l", 16: "{}x", 32: "e{}x", 64: "r{}x"}
PTR = {8: "byte", 16: "word", 32: "dword", 64: "qword"}
COND = "o no b ae e ne be a s ns p np l ge le g".split()
SI, DI = ("rsi", "rdi") if BITS == 64 else ("esi", "edi")


def reg(letter, size):
    return NAMES[size].format(letter)


def mem(size, base=SI, plus=""):
    return f"{PTR[size]} ptr [{base}{plus}]"


def templates():
    for op in "add or adc sbb and sub xor cmp test".split():
        for s in SIZES:
            a, b, m = reg("a", s), reg("b", s), mem(s)
            yield from (f"{op} {a}, {b}", f"{op} {m}, {b}", f"{op} {a}, 0x5", f"{op} {b}, 0x75", f"{op} {m}, 0x66")
            if op != "test":
                yield from (f"{op} {b}, {m}", f"{op} {b}, -3")
            if s > 8:
                yield from (f"{op} {a}, 0x1234", f"{op} {b}, 0x7123" if s == 16 else f"{op} {b}, 0x71234567")
        yield from (f"{op} ah, bl", f"{op} bh, ah", f"{op} ch, 0x81")
    for op in "inc dec neg not".split():
        for s in SIZES:
            yield from (f"{op} {reg('a', s)}", f"{op} {mem(s)}")
        yield f"{op} bh"
    for s in SIZES:
        b, m = reg("b", s), mem(s)
        for op in "mul imul div idiv".split():
            yield from (f"{op} {b}", f"{op} {m}")
        yield from (f"xor edx, edx; div {b}", f"and edx, 0xff; div {b}")
        yield f"movsx ax, al; idiv {b}" if s == 8 else f"{ {16: 'cwd', 32: 'cdq', 64: 'cqo'}[s]}; idiv {b}"
    for s in WIDE:
        a, b, c, m = reg("a", s), reg("b", s), reg("c", s), mem(s)
        yield from (f"imul {a}, {b}", f"imul {a}, {m}", f"imul {a}, {b}, 17", f"imul {a}, {b}, -2", f"imul {c}, {m}, 0x1234")
    for op in "rol ror rcl rcr shl shr sar".split():
        for s in SIZES:
            a = reg("a", s)
            yield from (f"{op} {a}, cl", f"{op} {mem(s)}, cl", f"{op} {a}, 1", f"{op} {mem(s)}, 1")
            for n in (0, 1, 2, 5, 7, 8, 9, 15, 16, 17, 18, 31, 33, 63):
                yield f"{op} {a}, {n}" if n != 1 else f"{op} {mem(s)}, 3"
        yield from (f"{op} ah, cl", f"{op} bh, 3")
    for op in "shld shrd".split():
        for s in WIDE:
            a, b = reg("a", s), reg("b", s)
            yield from (f"{op} {a}, {b}, cl", f"{op} {mem(s)}, {b}, cl")
            for n in (0, 1, 5, 15, 16, 17, 31, 33):
                yield f"{op} {a}, {b}, {n}"
    for op in "bt bts btr btc".split():
        for s in WIDE:
            a, b = reg("a", s), reg("b", s)
            wide = "" if s == 16 else f"movsx {b}, bx; "
            yield from (f"{op} {a}, {b}", f"{op} {a}, 7", f"{op} {a}, 77", f"{op} {mem(s)}, 13", f"{op} {mem(s)}, 45")
            yield f"{wide}{op} {mem(s)}, {b}"
    for op in "bsf bsr tzcnt lzcnt popcnt".split():
        for s in WIDE:
            yield from (f"{op} {reg('a', s)}, {reg('b', s)}", f"{op} {reg('a', s)}, {mem(s)}")
    for s in [s for s in WIDE if s >= 32]:
        a, b, c, d, m = (*(reg(x, s) for x in "abcd"), mem(s))
        yield from (f"andn {a}, {b}, {c}", f"andn {a}, {b}, {m}", f"mulx {a}, {b}, {c}", f"mulx {a}, {a}, {c}", f"mulx {a}, {b}, {m}")
        for op in "bextr bzhi shlx shrx sarx".split():
            yield from (f"{op} {a}, {b}, {c}", f"{op} {a}, {m}, {c}")
        yield from (f"and ecx, 0x3f3f; bextr {a}, {b}, {c}", f"mov ecx, 0x4000; bextr {a}, {b}, {c}")
        for op in "pdep pext".split():
            yield from (f"{op} {a}, {b}, {c}", f"{op} {a}, {b}, {m}")
        for op in "blsi blsr blsmsk".split():
            yield from (f"{op} {a}, {b}", f"{op} {a}, {m}")
        yield from (f"rorx {a}, {b}, 0", f"rorx {a}, {b}, 7", f"rorx {a}, {b}, 63", f"rorx {a}, {m}, 33")
        for op in "adcx adox".split():
            yield from (f"{op} {a}, {b}", f"{op} {a}, {m}")
        yield from (f"bswap {a}", f"movnti {m}, {b}")
    yield ".byte 0x66; bswap eax"
    for s in SIZES:
        a = reg("a", max(s, 32))
        yield from (f"crc32 {a}, {reg('b', s)}", f"crc32 {a}, {mem(s)}")
    for s in WIDE:
        yield from (f"movbe {reg('a', s)}, {mem(s)}", f"movbe {mem(s)}, {reg('b', s)}")
    for s in SIZES:
        a, b, c, m = reg("a", s), reg("b", s), reg("c", s), mem(s)
        yield from (f"xadd {b}, {c}", f"xadd {b}, {b}", f"lock xadd {m}, {c}", f"xchg {b}, {c}", f"xchg {m}, {c}", f"xchg {a}, {b}")
        yield from (f"cmpxchg {b}, {c}", f"mov {b}, {a}; cmpxchg {b}, {c}", f"lock cmpxchg {m}, {c}")
        yield from (f"mov {m}, {a}; cmpxchg {m}, {c}", f"cmpxchg {a}, {c}", f"mov {a}, {m}", f"mov {m}, {b}", f"mov {c}, {b}")
        yield from (f"mov {b}, 0x72", f"mov {m}, -2")
    yield from ("xadd bh, cl", "cmpxchg bh, cl", "xchg ah, bl", "mov ah, bl", "mov bl, ch", "mov dh, 0x7f")
    yield from (f"cmpxchg8b {mem(64)}", f"mov [{SI}], eax; mov [{SI}+4], edx; lock cmpxchg8b {mem(64)}")
    if BITS == 64:
        yield from ("cmpxchg16b [rsi]", "mov [rsi], rax; mov [rsi+8], rdx; lock cmpxchg16b [rsi]")
        yield from ("movsxd rax, ebx", "movsxd rax, dword ptr [rsi]", "cdqe", "cqo", "push rbx; pop rax", "push -5; pop rax")
        yield from ("push 0x12345678; pop rcx", "push bx; pop ax", "push qword ptr [rsi]; pop qword ptr [rdi]", "pushfq; pop rax")
        yield from ("and ebx, 0x8d5; push rbx; popfq", "push rcx; pop qword ptr [rsp-8]", "movabs rax, 0x123456789abcdef0")
        yield from ("lea rax, [rbx+rcx*4+0x77]", "lea eax, [rbx+rcx*8-3]", "lea ax, [rbx+rdx]", "lea rax, [ebx+ecx*2]")
        yield from ("mov r8b, bl", "mov sil, al; mov esi, 0x12080", "add r8d, r9d", "add r9, [rsi+8]", "lea r8, [r9+r9]")
        yield from ("movabs al, [0x12080]", "movabs eax, [0x12080]", "movabs [0x12088], rax", "mov rbx, 0xffffffff87654321")
        yield from ("and ecx, 7; add rcx, 1; 1: add rax, rbx; loop 1b", "jrcxz 1f; inc eax; 1:", "jecxz 1f; inc eax; 1:")
        yield from ("mov rcx, 0x100000002; 1: inc eax; addr32 loop 1b", "jmp 1f; 2: inc eax; jmp 3f; 1: dec ebx; jmp 2b; 3:")
        yield from (f"movabs rcx, 0x500000000; addr32 rep {op}b" for op in ("stos", "lods", "movs"))
        yield from (f"movabs rcx, 0x500000003; addr32 rep {op}b" for op in ("stos", "lods", "movs"))
        yield from ("movabs rcx, 0x500000000; addr32 repe cmpsb", "movabs rcx, 0x500000001; addr32 loop 1f; inc eax; 1:")
        yield from ("call 1f; jmp 2f; 1: inc eax; ret; 2:", "push 7; call 1f; jmp 2f; 1: inc eax; ret 8; 2:")
        yield ("lea rdx, [rip+1f]; jmp rdx; inc ebx; 1: lea rdx, [rip+2f]; push rdx; ret; inc ecx; 2: mov edx, 0")
        yield from ("mov rbx, rsi; and eax, 63; xlat", "enter 32, 0; inc eax; leave")
    else:
        yield from ("daa", "das", "aaa", "aas", "aam", "aad", "aam 7", "aad 7", ".byte 0xd6", "pusha; mov eax, 1; popa")
        yield from ("push ebx; pop eax", "push bx; pop ax", "pushf; pop eax", "and ebx, 0x8d5; push ebx; popf", "push -5; pop eax")
        yield from ("mov ebx, esi; and eax, 63; xlat", "enter 32, 0; inc eax; leave", "lea eax, [ebx+ecx*4+0x77]")
        yield from ("lea eax, [bx+si+5]", "call 1f; jmp 2f; 1: inc eax; ret; 2:", "and ecx, 7; inc ecx; 1: add eax, ebx; loop 1b")
        yield from ("mov ecx, 0x10002; 1: inc eax; addr16 loop 1b", "and al, 0x77; and bl, 0x77; add al, bl; daa")
        yield from ("mov eax, [0x12080]", "mov [0x12088], al", "mov [0x12088], eax", "mov bx, [0x12080]")
    for s, d in ((8, 16), (8, 32), (16, 32), (8, 64), (16, 64)):
        if d in WIDE:
            for op in "movzx movsx".split():
                yield from (f"{op} {reg('a', d)}, {reg('b', s)}", f"{op} {reg('a', d)}, {mem(s)}")
    yield from ("movzx eax, bh", "movsx cx, ah", "cbw", "cwde", "cwd", "cdq", "lahf", "sahf", "clc", "stc", "cmc", "nop", "pause")
    yield from ("std; cld", "lfence", "mfence", "sfence", f"prefetcht0 [{SI}]", f"clflush [{SI}]", "nop dword ptr [eax+0x77]")
    for cc in COND:
        yield from (f"set{cc} al", f"set{cc} byte ptr [{SI}]", f"j{cc} 1f; not eax; 1:")
        yield from (f"cmov{cc} {reg('a', s)}, {reg('b', s)}" for s in WIDE)
        yield f"cmov{cc} ecx, [{SI}]"
    yield from ("and ecx, 7; inc ecx; 1: dec eax; loope 1b", "and ecx, 7; inc ecx; 1: cmp eax, ebx; loopne 1b")
    for op in "movs stos lods scas cmps".split():
        for s in SIZES:
            name = op + {8: "b", 16: "w", 32: "d", 64: "q"}[s]
            yield from (name, f"std; {name}; cld")
            for rep in ("repe", "repne") if op in ("scas", "cmps") else ("rep",):
                yield from (f"and ecx, 15; {rep} {name}", f"and ecx, 15; std; {rep} {name}; cld")
            if op == "movs":
                yield from (f"and ecx, 15; lea {DI}, [{SI}+{s // 8}]; rep movs{name[-1]}", f"and ecx, 15; lea {DI}, [{SI}-3]; rep {name}")
            if op in ("scas", "cmps"):
                same = f"mov eax, 0; push {DI}; mov ecx, 9; rep stosd; pop {DI}; push {SI}; lea {SI}, [{DI}+16]; pop {SI}; "
                yield f"{same}mov ecx, 7; repe {name}"


def assemble(lines, directory):
    source = os.path.join(directory, "t.s")
    with open(source, "w") as out:
        out.write(".intel_syntax noprefix\n")
        for i, line in enumerate(lines):
            out.write(f"t{i}: {line}\n".replace("; ", "\n"))
        out.write(f"t{len(lines)}: nop\n")
    obj, raw = os.path.join(directory, "t.o"), os.path.join(directory, "t.bin")
    subprocess.run(["as", f"--{BITS}", "-o", obj, source], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", obj, raw], check=True)
    symbols = dict()
    for row in subprocess.run(["nm", obj], check=True, capture_output=True, text=True).stdout.split("\n"):
        if row:
            address, _, name = row.split()
            symbols[name] = int(address, 16)
    with open(raw, "rb") as stream:
        code = stream.read()
    return [code[symbols[f"t{i}"]:symbols[f"t{i + 1}"]].hex() for i in range(len(lines))]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    lines = list(dict.fromkeys(templates()))
    with tempfile.TemporaryDirectory() as directory:
        codes = assemble(lines, directory)
        program = os.path.join(directory, "run")
        subprocess.run(["gcc", f"-m{BITS}", "-O1", "-no-pie", "-o", program, os.path.join(here, "run.c")], check=True)
        text = "".join(f"{code} {line}\n" for code, line in zip(codes, lines))
        subprocess.run([program, *sys.argv[2:]], input=text, check=True, text=True)


main()
