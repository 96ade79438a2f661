package nestbox.x86.engine;

import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.Memory;
import nestbox.x86.op.Alu;
import nestbox.x86.op.Multiply;
import nestbox.x86.op.Shifts;

/**
 * Executes decoded blocks, linked to each other while no translation changes. Hot forms have a {@link Uop} of their own, which
 * loads and stores operands in place and calls the same static operation as the form's handler; all others call the handler.
 */
public final class BlockInterpreter implements Engine {
    private final Cpu cpu;
    private final BlockCache cache;
    private final ReferenceEngine reference;
    private final IndirectTargets targets = new IndirectTargets();
    /** The block being executed. */
    private Block running;

    /** @param maxInstructions longest block; traces must not depend on it */
    public BlockInterpreter(Cpu cpu, Decoder decoder, int maxInstructions) {
        this.cpu = cpu;
        this.cache = new BlockCache(cpu, decoder, maxInstructions);
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
        Block block = null;
        while (c.retired < end && c.pending == 0) {
            block = next(block);
            if (c.codeSize != 64 && c.rip + block.bytes - 1 > c.limit[Reg.CS]) {
                reference.step();
                block = null;
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

    /** The block at RIP, which follows {@code from} (null: unknown). */
    private Block next(Block from) {
        Block to = from == null ? null : from.follower(cpu.rip, cpu.mem.fetchEpoch);
        if (to != null) {
            return to;
        }
        to = cache.find();
        long epoch = cpu.mem.fetchEpoch;
        if (from != null && to.bytes != 0 && !from.link(to, cpu.rip, epoch)) {
            targets.put(cpu.rip, epoch, to);
        }
        return to;
    }

    /** After an exception: RIP at the instruction that raised it, those before it retired. */
    private void settle() {
        Cpu c = cpu;
        int done = c.cursor;
        long start = c.r[Reg.BLOCK_RIP];
        int offset = done == 0 ? 0 : running.code[done - 1].next;
        c.faultLength = running.code[done].next - offset;
        c.rip = done == 0 ? start : c.wrapRip(start + offset);
        c.retired += done;
        c.cursor = 0;
    }

    /**
     * Executes the block and, as long as links lead on, the blocks that follow it; returns the last one executed, with RIP behind
     * its last executed instruction.
     */
    private Block execute(Block first, long end) {
        Cpu c = cpu;
        long[] r = c.r;
        long[] base = c.base;
        Memory mem = c.mem;
        Block block = first;
        while (true) {
            running = block;
            Op[] code = block.code;
            long start = c.rip;
            r[Reg.BLOCK_RIP] = start;
            c.blockLimit = (int) Math.min(code.length, end - c.retired);
            int i = 0;
            Op op;
            do {
                op = code[i];
                c.cursor = i++;
                switch (op.uop) {
                    case Uop.MOV64:
                        r[op.dst] = r[op.src] + op.imm;
                        break;
                    case Uop.MOV32:
                        r[op.dst] = (r[op.src] + op.imm) & 0xffffffffL;
                        break;
                    case Uop.LOAD64:
                        r[op.dst] = mem.load64(ea(op, r, base), op.faultSeg);
                        break;
                    case Uop.LOAD32:
                        r[op.dst] = mem.load32(ea(op, r, base), op.faultSeg);
                        break;
                    case Uop.LOAD_ZX16:
                        r[op.dst] = mem.load16(ea(op, r, base), op.faultSeg);
                        break;
                    case Uop.LOAD_ZX8:
                        r[op.dst] = mem.load8(ea(op, r, base), op.faultSeg);
                        break;
                    case Uop.LOAD_SX32_64:
                        r[op.dst] = (int) mem.load32(ea(op, r, base), op.faultSeg);
                        break;
                    case Uop.LOAD_SX8_32:
                        r[op.dst] = (byte) mem.load8(ea(op, r, base), op.faultSeg) & 0xffffffffL;
                        break;
                    case Uop.LOAD_SX8_64:
                        r[op.dst] = (byte) mem.load8(ea(op, r, base), op.faultSeg);
                        break;
                    case Uop.STORE64:
                        mem.store64(ea(op, r, base), op.faultSeg, r[op.src] + op.imm);
                        break;
                    case Uop.STORE32:
                        mem.store32(ea(op, r, base), op.faultSeg, r[op.src] + op.imm);
                        break;
                    case Uop.STORE16:
                        mem.store16(ea(op, r, base), op.faultSeg, r[op.src] + op.imm);
                        break;
                    case Uop.STORE8:
                        mem.store8(ea(op, r, base), op.faultSeg, r[op.src] + op.imm);
                        break;
                    case Uop.LEA64:
                        r[op.dst] = r[op.base] + (r[op.index] << op.scale) + op.disp;
                        break;
                    case Uop.LEA32:
                        r[op.dst] = (r[op.base] + (r[op.index] << op.scale) + op.disp) & 0xffffffffL;
                        break;
                    case Uop.MOV_ZX8:
                        r[op.dst] = r[op.src] & 0xff;
                        break;
                    case Uop.MOV_ZX16:
                        r[op.dst] = r[op.src] & 0xffff;
                        break;
                    case Uop.MOV_SX32_64:
                        r[op.dst] = (int) r[op.src];
                        break;
                    case Uop.MOV_SX8_32:
                        r[op.dst] = (byte) r[op.src] & 0xffffffffL;
                        break;
                    case Uop.NOP:
                        break;
                    case Uop.ADD64:
                        r[op.dst] = Alu.add(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.SUB64:
                        r[op.dst] = Alu.sub(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.AND64:
                        r[op.dst] = Alu.and(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.OR64:
                        r[op.dst] = Alu.or(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.XOR64:
                        r[op.dst] = Alu.xor(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.CMP64:
                        Alu.sub(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.TEST64:
                        Alu.and(c, r[op.dst], r[op.src] + op.imm, 64);
                        break;
                    case Uop.ADD32:
                        r[op.dst] = Alu.add(c, r[op.dst], r[op.src] + op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.SUB32:
                        r[op.dst] = Alu.sub(c, r[op.dst], r[op.src] + op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.AND32:
                        r[op.dst] = Alu.and(c, r[op.dst], r[op.src] + op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.OR32:
                        r[op.dst] = Alu.or(c, r[op.dst], r[op.src] + op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.XOR32:
                        r[op.dst] = Alu.xor(c, r[op.dst], r[op.src] + op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.CMP32:
                        Alu.sub(c, r[op.dst], r[op.src] + op.imm, 32);
                        break;
                    case Uop.TEST32:
                        Alu.and(c, r[op.dst], r[op.src] + op.imm, 32);
                        break;
                    case Uop.CMP8:
                        Alu.sub(c, r[op.dst], r[op.src] + op.imm, 8);
                        break;
                    case Uop.TEST8:
                        Alu.and(c, r[op.dst], r[op.src] + op.imm, 8);
                        break;
                    case Uop.INC64:
                        r[op.dst] = Alu.inc(c, r[op.dst], 64);
                        break;
                    case Uop.DEC64:
                        r[op.dst] = Alu.dec(c, r[op.dst], 64);
                        break;
                    case Uop.INC32:
                        r[op.dst] = Alu.inc(c, r[op.dst], 32) & 0xffffffffL;
                        break;
                    case Uop.DEC32:
                        r[op.dst] = Alu.dec(c, r[op.dst], 32) & 0xffffffffL;
                        break;
                    case Uop.SHL64:
                        r[op.dst] = Shifts.shl(c, r[op.dst], op.imm, 64);
                        break;
                    case Uop.SHR64:
                        r[op.dst] = Shifts.shr(c, r[op.dst], op.imm, 64);
                        break;
                    case Uop.SAR64:
                        r[op.dst] = Shifts.sar(c, r[op.dst], op.imm, 64);
                        break;
                    case Uop.SHL32:
                        r[op.dst] = Shifts.shl(c, r[op.dst], op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.SHR32:
                        r[op.dst] = Shifts.shr(c, r[op.dst], op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.SAR32:
                        r[op.dst] = Shifts.sar(c, r[op.dst], op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.IMUL64:
                        r[op.dst] = Multiply.imul(c, r[op.dst], r[op.src], 64);
                        break;
                    case Uop.IMUL32:
                        r[op.dst] = Multiply.imul(c, r[op.dst], r[op.src], 32) & 0xffffffffL;
                        break;
                    case Uop.IMUL_IMM64:
                        r[op.dst] = Multiply.imul(c, r[op.src], op.imm, 64);
                        break;
                    case Uop.IMUL_IMM32:
                        r[op.dst] = Multiply.imul(c, r[op.src], op.imm, 32) & 0xffffffffL;
                        break;
                    case Uop.ALU_LOAD64:
                        r[op.dst] = alu64(c, op.detail, r[op.dst], mem.load64(ea(op, r, base), op.faultSeg));
                        break;
                    case Uop.ALU_LOAD32:
                        r[op.dst] =
                                alu32(c, op.detail, r[op.dst], mem.load32(ea(op, r, base), op.faultSeg)) & 0xffffffffL;
                        break;
                    case Uop.ALU_STORE64: {
                        long at = ea(op, r, base);
                        long value = mem.loadForWrite(64, at, op.faultSeg);
                        mem.store64(at, op.faultSeg, alu64(c, op.detail, value, r[op.src] + op.imm));
                        break;
                    }
                    case Uop.ALU_STORE32: {
                        long at = ea(op, r, base);
                        long value = mem.loadForWrite(32, at, op.faultSeg);
                        mem.store32(at, op.faultSeg, alu32(c, op.detail, value, r[op.src] + op.imm));
                        break;
                    }
                    case Uop.CMP_LOAD64:
                        Alu.sub(c, r[op.dst], mem.load64(ea(op, r, base), op.faultSeg), 64);
                        break;
                    case Uop.CMP_LOAD32:
                        Alu.sub(c, r[op.dst], mem.load32(ea(op, r, base), op.faultSeg), 32);
                        break;
                    case Uop.CMP_MEM64:
                        Alu.sub(c, mem.load64(ea(op, r, base), op.faultSeg), r[op.src] + op.imm, 64);
                        break;
                    case Uop.CMP_MEM32:
                        Alu.sub(c, mem.load32(ea(op, r, base), op.faultSeg), r[op.src] + op.imm, 32);
                        break;
                    case Uop.CMP_MEM8:
                        Alu.sub(c, mem.load8(ea(op, r, base), op.faultSeg), r[op.src] + op.imm, 8);
                        break;
                    case Uop.TEST_MEM8:
                        Alu.and(c, mem.load8(ea(op, r, base), op.faultSeg), r[op.src] + op.imm, 8);
                        break;
                    case Uop.PUSH64: {
                        long at = r[Reg.RSP] - 8;
                        mem.store64(at, Reg.SS, r[op.src] + op.imm);
                        r[Reg.RSP] = at;
                        break;
                    }
                    case Uop.POP64: {
                        long at = r[Reg.RSP];
                        long value = mem.load64(at, Reg.SS);
                        r[Reg.RSP] = at + 8;
                        r[op.dst] = value;
                        break;
                    }
                    case Uop.CMOV64:
                        if (Flags.condition(c, op.detail)) {
                            r[op.dst] = r[op.src];
                        }
                        break;
                    case Uop.CMOV32:
                        r[op.dst] = (Flags.condition(c, op.detail) ? r[op.src] : r[op.dst]) & 0xffffffffL;
                        break;
                    case Uop.SETCC:
                        r[op.dst] = (r[op.dst] & ~0xffL) | (Flags.condition(c, op.detail) ? 1 : 0);
                        break;
                    case Uop.CALL: {
                        long target = start + op.imm;
                        if (!c.canonical(target)) {
                            handle(c, op, start);
                            break;
                        }
                        long at = r[Reg.RSP] - 8;
                        mem.store64(at, Reg.SS, start + op.next);
                        r[Reg.RSP] = at;
                        c.rip = target;
                        break;
                    }
                    case Uop.RET: {
                        long at = r[Reg.RSP];
                        long target = mem.load64(at, Reg.SS);
                        if (!c.canonical(target)) {
                            handle(c, op, start);
                            break;
                        }
                        r[Reg.RSP] = at + 8;
                        c.rip = target;
                        break;
                    }
                    case Uop.JMP:
                        c.rip = start + op.imm;
                        break;
                    case Uop.JMP_REGISTER: {
                        long target = r[op.src];
                        if (!c.canonical(target)) {
                            handle(c, op, start);
                            break;
                        }
                        c.rip = target;
                        break;
                    }
                    case Uop.CALL_REGISTER: {
                        long target = r[op.src];
                        if (!c.canonical(target)) {
                            handle(c, op, start);
                            break;
                        }
                        long at = r[Reg.RSP] - 8;
                        mem.store64(at, Reg.SS, start + op.next);
                        r[Reg.RSP] = at;
                        c.rip = target;
                        break;
                    }
                    case Uop.JO:
                        c.rip = start + (Flags.of(c) ? op.imm : op.next);
                        break;
                    case Uop.JNO:
                        c.rip = start + (!Flags.of(c) ? op.imm : op.next);
                        break;
                    case Uop.JB:
                        c.rip = start + (Flags.cf(c) ? op.imm : op.next);
                        break;
                    case Uop.JAE:
                        c.rip = start + (!Flags.cf(c) ? op.imm : op.next);
                        break;
                    case Uop.JE:
                        c.rip = start + (Flags.zf(c) ? op.imm : op.next);
                        break;
                    case Uop.JNE:
                        c.rip = start + (!Flags.zf(c) ? op.imm : op.next);
                        break;
                    case Uop.JBE:
                        c.rip = start + ((Flags.cf(c) | Flags.zf(c)) ? op.imm : op.next);
                        break;
                    case Uop.JA:
                        c.rip = start + ((!(Flags.cf(c) | Flags.zf(c))) ? op.imm : op.next);
                        break;
                    case Uop.JS:
                        c.rip = start + (Flags.sf(c) ? op.imm : op.next);
                        break;
                    case Uop.JNS:
                        c.rip = start + (!Flags.sf(c) ? op.imm : op.next);
                        break;
                    case Uop.JP:
                        c.rip = start + (Flags.pf(c) ? op.imm : op.next);
                        break;
                    case Uop.JNP:
                        c.rip = start + (!Flags.pf(c) ? op.imm : op.next);
                        break;
                    case Uop.JL:
                        c.rip = start + ((Flags.sf(c) != Flags.of(c)) ? op.imm : op.next);
                        break;
                    case Uop.JGE:
                        c.rip = start + ((Flags.sf(c) == Flags.of(c)) ? op.imm : op.next);
                        break;
                    case Uop.JLE:
                        c.rip = start + ((Flags.zf(c) | Flags.sf(c) != Flags.of(c)) ? op.imm : op.next);
                        break;
                    case Uop.JG:
                        c.rip = start + ((!Flags.zf(c) & Flags.sf(c) == Flags.of(c)) ? op.imm : op.next);
                        break;
                    default:
                        handle(c, op, start);
                        break;
                }
            } while (i < c.blockLimit);
            if (op.uop < Uop.FIRST_BRANCH) {
                if (op.uop != Uop.HANDLER) {
                    c.rip = start + op.next;
                }
            } else if (!c.canonical(c.rip)) {
                // A relative jump, which has changed nothing else; its handler raises the #GP.
                c.cursor = i - 1;
                handle(c, op, start);
            }
            c.retired += i;
            c.cursor = 0;
            Block to = block.follower(c.rip, mem.fetchEpoch);
            if (to == null) {
                to = targets.find(c.rip, mem.fetchEpoch);
            }
            if (to == null || c.pending != 0 || c.retired >= end || c.codeSize != 64) {
                return block;
            }
            block = to;
        }
    }

    /** Linear address of the memory operand. */
    private static long ea(Op op, long[] r, long[] base) {
        return base[op.seg] + r[op.base] + (r[op.index] << op.scale) + op.disp;
    }

    private static void handle(Cpu c, Op op, long start) {
        c.rip = c.wrapRip(start + op.next);
        op.insn.handler.execute(c, op.insn);
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
