package nestbox.vmx.silicon;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;

/**
 * The VM-exit instruction-information field and the displacement in the exit qualification (SDM Vol. 3, "Information for VM
 * Exits Due to Instruction Execution").
 */
final class InstructionInformation {
    private static final long REGISTER_OPERAND = 1 << 10;
    private static final long OPERAND_32 = 1 << 11;
    private static final long NO_INDEX = 1 << 22;
    private static final long NO_BASE = 1 << 27;

    private InstructionInformation() {}

    /** Scaling, address size, segment, index, base (or register), and the register operand in bits 31:28. */
    static long of(Insn in) {
        return operand(in) | (long) in.reg << 28;
    }

    private static long operand(Insn in) {
        if (!in.memory) {
            return REGISTER_OPERAND | (long) in.rm << 3;
        }
        boolean index = in.index != Reg.ZERO;
        boolean base = in.base != Reg.ZERO && in.base != Reg.BLOCK_RIP;
        return (index ? in.scale : 0)
                | addressSize(in)
                | segment(in)
                | (index ? (long) in.index << 18 : NO_INDEX)
                | (base ? (long) in.base << 23 : NO_BASE);
    }

    static long addressSize(Insn in) {
        return (in.addressSize == 16 ? 0L : in.addressSize == 32 ? 1 : 2) << 7;
    }

    static long segment(Insn in) {
        int seg = in.seg != Insn.FLAT ? in.seg : in.stackSegment ? Reg.SS : Reg.DS;
        return (long) seg << 15;
    }

    /** LGDT, LIDT, SGDT, SIDT: instruction identity 0 to 3 as SGDT, SIDT, LGDT, LIDT. */
    static long table(Insn in) {
        int identity = switch (in.form.mnemonic()) {
            case "SGDT" -> 0;
            case "SIDT" -> 1;
            case "LGDT" -> 2;
            default -> 3;
        };
        return operand(in) | (in.operandSize == 16 ? 0 : OPERAND_32) | (long) identity << 28;
    }

    /** LLDT, LTR, SLDT, STR. */
    static long selector(Insn in) {
        int identity = switch (in.form.mnemonic()) {
            case "SLDT" -> 0;
            case "STR" -> 1;
            case "LLDT" -> 2;
            default -> 3;
        };
        return operand(in) | (long) identity << 28;
    }

    /** UMWAIT, TPAUSE: the register operand. */
    static long register(Insn in) {
        return (long) in.rm << 3;
    }

    /** RDRAND, RDSEED: destination and operand size. */
    static long random(Insn in) {
        return (long) in.rm << 3 | (in.size == 16 ? 0L : in.size == 32 ? 1 : 2) << 11;
    }

    /** The displacement, sign-extended; for RIP-relative operands what the address is, 0 without a memory operand. */
    static long displacement(Cpu cpu, Insn in) {
        if (!in.memory) {
            return 0;
        }
        return in.base == Reg.BLOCK_RIP ? in.disp + cpu.r[Reg.BLOCK_RIP] : in.disp;
    }
}
