package nestbox.x86.engine;

import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.FastPage;
import nestbox.x86.mem.Memory;
import nestbox.x86.op.Alu;
import nestbox.x86.op.Multiply;
import nestbox.x86.op.Shifts;

/**
 * Executes decoded blocks, linked to each other while no translation changes. Hot forms have a {@link Uop} of their own, which
 * loads and stores operands in place and calls the same static operation as the form's handler. All others call the handler, and
 * so does a hot form whose memory has no fast translation: only a handler can fault, or end the block early.
 */
public final class BlockInterpreter implements Engine {
    private final Cpu cpu;
    private final BlockCache cache;
    private final CodeArena arena;
    private final ReferenceEngine reference;
    private final IndirectTargets targets = new IndirectTargets();
    /** The block being executed: its place in the arena. */
    private int running;

    /** @param maxInstructions longest block; traces must not depend on it */
    public BlockInterpreter(Cpu cpu, Decoder decoder, int maxInstructions) {
        this(cpu, decoder, maxInstructions, CodeArena.MOST_WORDS);
    }

    BlockInterpreter(Cpu cpu, Decoder decoder, int maxInstructions, int arenaWords) {
        this.cpu = cpu;
        this.arena = new CodeArena(arenaWords);
        this.cache = new BlockCache(cpu, decoder, arena, maxInstructions);
        this.reference = new ReferenceEngine(cpu, decoder);
    }

    @Override
    public void run(long end) {
        Cpu c = cpu;
        if (!c.mem.port().retainsFetches()) {
            // A block would keep its code's translation beyond one access.
            reference.run(end);
            return;
        }
        c.runEnd = end;
        int block = CodeArena.NONE;
        while (c.ticks < end && c.pending == 0) {
            block = next(block);
            if (block == CodeArena.NONE || c.codeSize != 64 && c.rip + arena.bytes(block) - 1 > c.limit[Reg.CS]) {
                reference.step();
                block = CodeArena.NONE;
            } else {
                try {
                    block = execute(block, end);
                } catch (GuestFault | UnsupportedFeatureException stopped) {
                    settle();
                    throw stopped;
                }
            }
        }
    }

    /** The block at RIP, which follows {@code from} (NONE: unknown); NONE if the code at RIP cannot be kept. */
    private int next(int from) {
        Cpu c = cpu;
        if (from != CodeArena.NONE) {
            int known = arena.follower(from, c.rip, c.mem.fetchEpoch);
            if (known != CodeArena.NONE) {
                return known;
            }
        }
        int clears = arena.clears();
        int to = cache.find();
        long epoch = c.mem.fetchEpoch;
        boolean both = from != CodeArena.NONE && to != CodeArena.NONE && clears == arena.clears();
        if (both && !arena.link(from, to, c.rip, epoch)) {
            targets.put(c.rip, epoch, to);
        }
        return to;
    }

    /** After an exception: RIP at the instruction that raised it, those before it retired. */
    private void settle() {
        Cpu c = cpu;
        int done = c.cursor;
        long start = c.r[Reg.BLOCK_RIP];
        long offset = done == 0 ? 0 : next(arena.second(running, done - 1));
        c.faultLength = (int) (next(arena.second(running, done)) - offset);
        c.rip = done == 0 ? start : c.wrapRip(start + offset);
        c.ticks += done;
        c.cursor = 0;
    }

    /**
     * Executes the block and, as long as links lead on, the blocks that follow it; returns the last one executed, with RIP behind
     * its last executed instruction.
     */
    private int execute(int first, long end) {
        Cpu c = cpu;
        long[] r = c.r;
        Memory mem = c.mem;
        long[] code = arena.words();
        int block = first;
        while (true) {
            running = block;
            long start = c.rip;
            r[Reg.BLOCK_RIP] = start;
            int length = arena.length(block);
            int limit = (int) Math.min(length, end - c.ticks);
            c.blockLimit = limit;
            int begin = block + CodeArena.HEADER;
            int stop = begin + 2 * Math.min(arena.straight(block), limit);
            int place = begin;
            long rip;
            leave:
            {
                // The inner loop calls nothing, so that everything it needs stays in registers.
                while (place < stop) {
                    int p = place;
                    straight:
                    {
                        do {
                            long w = code[p];
                            long x = code[p + 1];
                            switch ((int) w & 0xff) {
                                case Uop.MOV64:
                                    r[dst(w, r)] = value(w, r);
                                    continue;
                                case Uop.MOV32:
                                    r[dst(w, r)] = value(w, r) & 0xffffffffL;
                                    continue;
                                case Uop.LOAD64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 8);
                                    if (page != null) {
                                        r[dst(w, r)] = page.load64(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LOAD32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 4);
                                    if (page != null) {
                                        r[dst(w, r)] = page.load32(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LOAD_ZX16: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 2);
                                    if (page != null) {
                                        r[dst(w, r)] = page.load16(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LOAD_ZX8: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 1);
                                    if (page != null) {
                                        r[dst(w, r)] = page.load8(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LOAD_SX32_64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 4);
                                    if (page != null) {
                                        r[dst(w, r)] = (int) page.load32(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LOAD_SX8_32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 1);
                                    if (page != null) {
                                        r[dst(w, r)] = (byte) page.load8(at) & 0xffffffffL;
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LOAD_SX8_64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 1);
                                    if (page != null) {
                                        r[dst(w, r)] = (byte) page.load8(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.STORE64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.writable(at, 8);
                                    if (page != null) {
                                        page.store64(at, value(w, r));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.STORE32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.writable(at, 4);
                                    if (page != null) {
                                        page.store32(at, value(w, r));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.STORE16: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.writable(at, 2);
                                    if (page != null) {
                                        page.store16(at, value(w, r));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.STORE8: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.writable(at, 1);
                                    if (page != null) {
                                        page.store8(at, value(w, r));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.LEA64:
                                    r[dst(w, r)] = ea(w, x, r);
                                    continue;
                                case Uop.LEA32:
                                    r[dst(w, r)] = ea(w, x, r) & 0xffffffffL;
                                    continue;
                                case Uop.MOV_ZX8:
                                    r[dst(w, r)] = r[src(w, r)] & 0xff;
                                    continue;
                                case Uop.MOV_ZX16:
                                    r[dst(w, r)] = r[src(w, r)] & 0xffff;
                                    continue;
                                case Uop.MOV_SX32_64:
                                    r[dst(w, r)] = (int) r[src(w, r)];
                                    continue;
                                case Uop.MOV_SX8_32:
                                    r[dst(w, r)] = (byte) r[src(w, r)] & 0xffffffffL;
                                    continue;
                                case Uop.NOP:
                                    continue;
                                case Uop.ADD64:
                                    r[dst(w, r)] = Alu.add(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.SUB64:
                                    r[dst(w, r)] = Alu.sub(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.AND64:
                                    r[dst(w, r)] = Alu.and(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.OR64:
                                    r[dst(w, r)] = Alu.or(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.XOR64:
                                    r[dst(w, r)] = Alu.xor(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.CMP64:
                                    Alu.sub(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.TEST64:
                                    Alu.and(c, r[dst(w, r)], value(w, r), 64);
                                    continue;
                                case Uop.ADD32:
                                    r[dst(w, r)] = Alu.add(c, r[dst(w, r)], value(w, r), 32) & 0xffffffffL;
                                    continue;
                                case Uop.SUB32:
                                    r[dst(w, r)] = Alu.sub(c, r[dst(w, r)], value(w, r), 32) & 0xffffffffL;
                                    continue;
                                case Uop.AND32:
                                    r[dst(w, r)] = Alu.and(c, r[dst(w, r)], value(w, r), 32) & 0xffffffffL;
                                    continue;
                                case Uop.OR32:
                                    r[dst(w, r)] = Alu.or(c, r[dst(w, r)], value(w, r), 32) & 0xffffffffL;
                                    continue;
                                case Uop.XOR32:
                                    r[dst(w, r)] = Alu.xor(c, r[dst(w, r)], value(w, r), 32) & 0xffffffffL;
                                    continue;
                                case Uop.CMP32:
                                    Alu.sub(c, r[dst(w, r)], value(w, r), 32);
                                    continue;
                                case Uop.TEST32:
                                    Alu.and(c, r[dst(w, r)], value(w, r), 32);
                                    continue;
                                case Uop.CMP8:
                                    Alu.sub(c, r[dst(w, r)], value(w, r), 8);
                                    continue;
                                case Uop.TEST8:
                                    Alu.and(c, r[dst(w, r)], value(w, r), 8);
                                    continue;
                                case Uop.INC64:
                                    r[dst(w, r)] = Alu.inc(c, r[dst(w, r)], 64);
                                    continue;
                                case Uop.DEC64:
                                    r[dst(w, r)] = Alu.dec(c, r[dst(w, r)], 64);
                                    continue;
                                case Uop.INC32:
                                    r[dst(w, r)] = Alu.inc(c, r[dst(w, r)], 32) & 0xffffffffL;
                                    continue;
                                case Uop.DEC32:
                                    r[dst(w, r)] = Alu.dec(c, r[dst(w, r)], 32) & 0xffffffffL;
                                    continue;
                                case Uop.SHL64:
                                    r[dst(w, r)] = Shifts.shl(c, r[dst(w, r)], imm(w), 64);
                                    continue;
                                case Uop.SHR64:
                                    r[dst(w, r)] = Shifts.shr(c, r[dst(w, r)], imm(w), 64);
                                    continue;
                                case Uop.SAR64:
                                    r[dst(w, r)] = Shifts.sar(c, r[dst(w, r)], imm(w), 64);
                                    continue;
                                case Uop.SHL32:
                                    r[dst(w, r)] = Shifts.shl(c, r[dst(w, r)], imm(w), 32) & 0xffffffffL;
                                    continue;
                                case Uop.SHR32:
                                    r[dst(w, r)] = Shifts.shr(c, r[dst(w, r)], imm(w), 32) & 0xffffffffL;
                                    continue;
                                case Uop.SAR32:
                                    r[dst(w, r)] = Shifts.sar(c, r[dst(w, r)], imm(w), 32) & 0xffffffffL;
                                    continue;
                                case Uop.IMUL64:
                                    r[dst(w, r)] = Multiply.imul(c, r[dst(w, r)], r[src(w, r)], 64);
                                    continue;
                                case Uop.IMUL32:
                                    r[dst(w, r)] = Multiply.imul(c, r[dst(w, r)], r[src(w, r)], 32) & 0xffffffffL;
                                    continue;
                                case Uop.IMUL_IMM64:
                                    r[dst(w, r)] = Multiply.imul(c, r[src(w, r)], imm(w), 64);
                                    continue;
                                case Uop.IMUL_IMM32:
                                    r[dst(w, r)] = Multiply.imul(c, r[src(w, r)], imm(w), 32) & 0xffffffffL;
                                    continue;
                                case Uop.ALU_LOAD64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 8);
                                    if (page != null) {
                                        r[dst(w, r)] =
                                                alu64(c, (int) (w >>> Op.SRC) & 0xff, r[dst(w, r)], page.load64(at));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.ALU_LOAD32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 4);
                                    if (page != null) {
                                        r[dst(w, r)] =
                                                alu32(c, (int) (w >>> Op.SRC) & 0xff, r[dst(w, r)], page.load32(at))
                                                        & 0xffffffffL;
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.ALU_STORE64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.writable(at, 8);
                                    if (page != null) {
                                        page.store64(
                                                at,
                                                alu64(c, (int) (w >>> Op.DST) & 0xff, page.load64(at), value(w, r)));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.ALU_STORE32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.writable(at, 4);
                                    if (page != null) {
                                        page.store32(
                                                at,
                                                alu32(c, (int) (w >>> Op.DST) & 0xff, page.load32(at), value(w, r)));
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.CMP_LOAD64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 8);
                                    if (page != null) {
                                        Alu.sub(c, r[dst(w, r)], page.load64(at), 64);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.CMP_LOAD32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 4);
                                    if (page != null) {
                                        Alu.sub(c, r[dst(w, r)], page.load32(at), 32);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.CMP_MEM64: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 8);
                                    if (page != null) {
                                        Alu.sub(c, page.load64(at), value(w, r), 64);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.CMP_MEM32: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 4);
                                    if (page != null) {
                                        Alu.sub(c, page.load32(at), value(w, r), 32);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.CMP_MEM8: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 1);
                                    if (page != null) {
                                        Alu.sub(c, page.load8(at), value(w, r), 8);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.TEST_MEM8: {
                                    long at = ea(w, x, r);
                                    FastPage page = mem.readable(at, 1);
                                    if (page != null) {
                                        Alu.and(c, page.load8(at), value(w, r), 8);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.PUSH64: {
                                    long at = r[Reg.RSP] - 8;
                                    FastPage page = mem.writable(at, 8);
                                    if (page != null) {
                                        page.store64(at, value(w, r));
                                        r[Reg.RSP] = at;
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.POP64: {
                                    long at = r[Reg.RSP];
                                    FastPage page = mem.readable(at, 8);
                                    if (page != null) {
                                        r[Reg.RSP] = at + 8;
                                        r[dst(w, r)] = page.load64(at);
                                        continue;
                                    }
                                    break;
                                }
                                case Uop.CMOV64:
                                    if (Flags.condition(c, condition(w))) {
                                        r[dst(w, r)] = r[src(w, r)];
                                    }
                                    continue;
                                case Uop.CMOV32:
                                    r[dst(w, r)] = (Flags.condition(c, condition(w)) ? r[src(w, r)] : r[dst(w, r)])
                                            & 0xffffffffL;
                                    continue;
                                case Uop.SETCC:
                                    r[dst(w, r)] = (r[dst(w, r)] & ~0xffL) | (Flags.condition(c, condition(w)) ? 1 : 0);
                                    continue;
                                default:
                                    break;
                            }
                            break straight;
                        } while ((p += 2) < stop);
                        place = p;
                        break;
                    }
                    c.cursor = p - begin >> 1;
                    handle(c, arena.insn(p), start + next(code[p + 1]));
                    c.cursor = 0;
                    place = p + 2;
                    if (place - begin >> 1 >= c.blockLimit) {
                        rip = c.rip;
                        break leave;
                    }
                }
                if (place - begin >> 1 == limit) {
                    // Cut short, or at the end of a page.
                    rip = start + next(code[place - 1]);
                    break leave;
                }
                long w = code[place];
                long x = code[place + 1];
                place += 2;
                branch:
                {
                    boolean taken;
                    switch ((int) w & 0xff) {
                        case Uop.CALL: {
                            long target = start + imm(w);
                            long at = r[Reg.RSP] - 8;
                            FastPage page = mem.writable(at, 8);
                            if (page != null && c.canonical(target)) {
                                page.store64(at, start + next(x));
                                r[Reg.RSP] = at;
                                rip = target;
                                break leave;
                            }
                            break branch;
                        }
                        case Uop.RET: {
                            long at = r[Reg.RSP];
                            FastPage page = mem.readable(at, 8);
                            if (page != null) {
                                rip = page.load64(at);
                                if (c.canonical(rip)) {
                                    r[Reg.RSP] = at + 8;
                                    break leave;
                                }
                            }
                            break branch;
                        }
                        case Uop.JMP:
                            taken = true;
                            break;
                        case Uop.JMP_REGISTER:
                            rip = r[src(w, r)];
                            if (c.canonical(rip)) {
                                break leave;
                            }
                            break branch;
                        case Uop.CALL_REGISTER: {
                            long target = r[src(w, r)];
                            long at = r[Reg.RSP] - 8;
                            FastPage page = mem.writable(at, 8);
                            if (page != null && c.canonical(target)) {
                                page.store64(at, start + next(x));
                                r[Reg.RSP] = at;
                                rip = target;
                                break leave;
                            }
                            break branch;
                        }
                        case Uop.JO:
                            taken = Flags.of(c);
                            break;
                        case Uop.JNO:
                            taken = !Flags.of(c);
                            break;
                        case Uop.JB:
                            taken = Flags.cf(c);
                            break;
                        case Uop.JAE:
                            taken = !Flags.cf(c);
                            break;
                        case Uop.JE:
                            taken = Flags.zf(c);
                            break;
                        case Uop.JNE:
                            taken = !Flags.zf(c);
                            break;
                        case Uop.JBE:
                            taken = Flags.cf(c) | Flags.zf(c);
                            break;
                        case Uop.JA:
                            taken = !(Flags.cf(c) | Flags.zf(c));
                            break;
                        case Uop.JS:
                            taken = Flags.sf(c);
                            break;
                        case Uop.JNS:
                            taken = !Flags.sf(c);
                            break;
                        case Uop.JP:
                            taken = Flags.pf(c);
                            break;
                        case Uop.JNP:
                            taken = !Flags.pf(c);
                            break;
                        case Uop.JL:
                            taken = Flags.sf(c) != Flags.of(c);
                            break;
                        case Uop.JGE:
                            taken = Flags.sf(c) == Flags.of(c);
                            break;
                        case Uop.JLE:
                            taken = Flags.zf(c) | Flags.sf(c) != Flags.of(c);
                            break;
                        case Uop.JG:
                            taken = !Flags.zf(c) & Flags.sf(c) == Flags.of(c);
                            break;
                        default:
                            break branch;
                    }
                    rip = start + (taken ? imm(w) : next(x));
                    if (c.canonical(rip)) {
                        break leave;
                    }
                }
                c.cursor = limit - 1;
                handle(c, arena.insn(place - 2), start + next(x));
                c.cursor = 0;
                rip = c.rip;
            }
            c.rip = rip;
            c.ticks += place - begin >> 1;
            if (c.pending != 0 || c.ticks >= end || c.codeSize != 64) {
                return block;
            }
            int to = arena.follower(block, rip, mem.fetchEpoch);
            if (to == CodeArena.NONE) {
                to = targets.find(rip, mem.fetchEpoch);
                if (to == CodeArena.NONE) {
                    return block;
                }
            }
            block = to;
        }
    }

    private static void handle(Cpu c, Insn in, long next) {
        c.rip = c.wrapRip(next);
        in.handler.execute(c, in);
    }

    private static int dst(long w, long[] r) {
        return (int) (w >>> Op.DST) & (r.length - 1);
    }

    private static int src(long w, long[] r) {
        return (int) (w >>> Op.SRC) & (r.length - 1);
    }

    private static long imm(long w) {
        return w >> Op.IMM;
    }

    /** The source: a register, or the register that is always 0 plus an immediate. */
    private static long value(long w, long[] r) {
        return r[src(w, r)] + imm(w);
    }

    private static int condition(long w) {
        return (int) (w >>> Op.BASE) & 0xff;
    }

    private static long next(long x) {
        return (short) (x >>> Op.NEXT);
    }

    /** Linear address of the memory operand. */
    private static long ea(long w, long x, long[] r) {
        return r[(int) (w >>> Op.BASE) & (r.length - 1)]
                + (r[(int) x & (r.length - 1)] << (int) (x >>> Op.SCALE))
                + (x >> Op.DISP);
    }

    private static long alu64(Cpu c, int operation, long a, long b) {
        switch (operation) {
            case Uop.ADD64:
                return Alu.add(c, a, b, 64);
            case Uop.SUB64:
                return Alu.sub(c, a, b, 64);
            case Uop.AND64:
                return Alu.and(c, a, b, 64);
            case Uop.OR64:
                return Alu.or(c, a, b, 64);
            default:
                return Alu.xor(c, a, b, 64);
        }
    }

    private static long alu32(Cpu c, int operation, long a, long b) {
        switch (operation) {
            case Uop.ADD64:
                return Alu.add(c, a, b, 32);
            case Uop.SUB64:
                return Alu.sub(c, a, b, 32);
            case Uop.AND64:
                return Alu.and(c, a, b, 32);
            case Uop.OR64:
                return Alu.or(c, a, b, 32);
            default:
                return Alu.xor(c, a, b, 32);
        }
    }
}
