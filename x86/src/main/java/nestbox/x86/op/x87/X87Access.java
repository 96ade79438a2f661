package nestbox.x86.op.x87;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** What x87 instructions do before they compute: availability, pending exceptions, the last-instruction pointers. */
final class X87Access {
    private X87Access() {}

    /** #NM while CR0.EM or CR0.TS is set. */
    static void checkAvailable(Cpu c) {
        if ((c.cr0 & (Cpu.CR0_EM | Cpu.CR0_TS)) != 0) {
            throw c.raise(Vector.NM);
        }
    }

    /**
     * Reports a pending x87 exception: #MF with CR0.NE; otherwise through FERR#, and the processor waits at this instruction
     * for the interrupt (SDM Vol. 1, "MS-DOS Compatibility Sub-mode").
     *
     * @return whether the instruction goes on
     */
    static boolean reportPending(Cpu c, Insn in) {
        if (!c.fpu.pending()) {
            return true;
        }
        if ((c.cr0 & Cpu.CR0_NE) != 0) {
            throw c.raise(Vector.MF);
        }
        if (c.platform.coprocessorError(c)) {
            return true;
        }
        c.rip = instructionPointer(c, in);
        if (c.extension != null && c.extension.coprocessorFreeze(c)) {
            return false;
        }
        c.activity = Cpu.HALTED;
        c.pend(Cpu.PENDING_INACTIVE);
        return false;
    }

    private static long instructionPointer(Cpu c, Insn in) {
        return c.wrapRip(c.r[Reg.BLOCK_RIP] + in.next - in.length);
    }

    /** A control instruction that does not look at pending exceptions. */
    static Handler nonWaiting(Handler operation) {
        return (c, in) -> {
            checkAvailable(c);
            operation.execute(c, in);
        };
    }

    /** A control instruction that waits but leaves the last-instruction pointers. */
    static Handler control(Handler operation) {
        return (c, in) -> {
            checkAvailable(c);
            if (reportPending(c, in)) {
                operation.execute(c, in);
            }
        };
    }

    /** A computing instruction with register operands. */
    static Handler compute(Handler operation) {
        return (c, in) -> {
            checkAvailable(c);
            if (reportPending(c, in)) {
                note(c, in);
                operation.execute(c, in);
            }
        };
    }

    /** A computing instruction with a memory operand: {@code operation} calls {@link #noteMemory} when the access is sure. */
    static Handler computeMemory(Handler operation) {
        return control(operation);
    }

    private static void note(Cpu c, Insn in) {
        c.fpu.lastIp = instructionPointer(c, in);
        c.fpu.lastCs = c.selector[Reg.CS];
        c.fpu.opcode = (in.opcode & 7) << 8 | in.modrm;
    }

    static void noteMemory(Cpu c, Insn in, long offset) {
        note(c, in);
        c.fpu.lastDp = offset;
        c.fpu.lastDs = c.selector[in.seg == Insn.FLAT ? in.stackSegment ? Reg.SS : Reg.DS : in.seg];
    }
}
