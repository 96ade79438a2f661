package nestbox.x86.insn;

import java.util.List;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;

/** Writes instructions as Intel syntax, in the dialect that the assembler reads. It knows every row, whatever the model has. */
public final class Disassembler {
    private final Decoder decoder;

    public Disassembler(Vendor vendor) {
        decoder = new Decoder(new EveryFeature(vendor));
    }

    /** The instruction at {@code code[from]} without a handler; null if it needs bytes beyond {@code to}. */
    public Insn decode(byte[] code, int from, int to, int codeSize) {
        return decoder.parse(code, from, to, codeSize);
    }

    /** Text of the instruction at {@code code[from]}, whose address is {@code address}; {@code (bad)} if it is none. */
    public String disassemble(byte[] code, int from, int to, int codeSize, long address) {
        Insn in = decode(code, from, to, codeSize);
        return in == null ? "(bad)" : text(in, address);
    }

    /** Text of a decoded instruction at {@code address}; {@code (bad)} if it is undefined. */
    public static String text(Insn in, long address) {
        if (in.form == null) {
            return "(bad)";
        }
        StringBuilder text = new StringBuilder();
        boolean string = in.form.string();
        if (in.lock) {
            text.append("lock ");
        }
        if (string && (in.rep || in.repne)) {
            boolean compares =
                    in.form.mnemonic().equals("CMPS") || in.form.mnemonic().equals("SCAS");
            text.append(in.repne ? "repne " : compares ? "repe " : "rep ");
        }
        if (string || in.form.mnemonic().equals("XLAT") || in.form.mnemonic().startsWith("MASKMOV")) {
            implicitMemory(in, text);
        }
        text.append(Mnemonics.text(in));
        if (!string) {
            operands(in, address, text);
        }
        return text.toString();
    }

    /** Overrides of an instruction whose memory operand is not written. */
    private static void implicitMemory(Insn in, StringBuilder text) {
        if (in.seg != Reg.DS && in.seg != Insn.FLAT) {
            text.append(Registers.segment(in.seg)).append(' ');
        }
        if (in.addressSize != in.codeSize) {
            text.append('a').append(in.addressSize).append(' ');
        }
    }

    private static void operands(Insn in, long address, StringBuilder text) {
        List<Operand> kinds = in.form.kinds();
        int immediates = 0;
        for (int i = 0; i < kinds.size(); i++) {
            Operand operand = kinds.get(i);
            text.append(i == 0 ? " " : ", ");
            if (operand.kind() == Operand.Kind.IMMEDIATE) {
                hex(text, immediate(in, operand, immediates++ == 0 ? in.imm : in.imm2));
            } else {
                operand(in, operand, address, text);
            }
        }
    }

    private static void operand(Insn in, Operand operand, long address, StringBuilder text) {
        int bits = width(in, operand);
        switch (operand.kind()) {
            case REG, OPCODE_REG -> text.append(Registers.general(in.reg, bits, in.rex));
            case VVVV -> text.append(Registers.general(in.vvvv, bits, true));
            case RELATIVE -> hex(text, target(in, address));
            case FAR -> far(in, text);
            case SEGMENT -> text.append(Registers.segment(in.reg));
            case CONTROL -> text.append("cr").append(in.reg);
            case DEBUG -> text.append("dr").append(in.reg);
            case VECTOR -> text.append(Registers.vector(in.reg, bits));
            case VECTOR_VVVV -> text.append(Registers.vector(in.vvvv, bits));
            case VECTOR_IMMEDIATE -> text.append(Registers.vector((int) in.imm >> 4 & 15, bits));
            case MMX -> text.append("mm").append(in.reg);
            case STACK -> text.append("st").append(in.rm);
            case STACK_TOP -> text.append("st0");
            case FIXED -> text.append(Registers.general(operand.fixed(), bits, false));
            case FIXED_SEGMENT -> text.append(Registers.segment(operand.fixed()));
            case FIXED_VECTOR -> text.append("xmm0");
            case ONE -> text.append('1');
            default -> rm(in, operand, bits, address, text);
        }
    }

    /** Width in bits of an operand of a decoded instruction. */
    private static int width(Insn in, Operand operand) {
        int vector = in.vexLength == 0 ? 128 : in.vexLength;
        boolean memory = operand.isRm() && in.memory;
        if (operand.isVector() && !memory) {
            return operand.width() == Width.X ? vector : 128;
        }
        return (memory ? operand.memoryWidth() : operand.width()).bits(in.operandSize, in.addressSize, vector);
    }

    private static void rm(Insn in, Operand operand, int bits, long address, StringBuilder text) {
        if (in.memory) {
            MemoryText.append(in, operand.memoryWidth(), bits, address, text);
        } else if (operand.isMmx()) {
            text.append("mm").append(in.rm);
        } else if (operand.isVector()) {
            text.append(Registers.vector(in.rm, bits));
        } else {
            text.append(Registers.general(in.rm, bits, in.rex));
        }
    }

    private static void far(Insn in, StringBuilder text) {
        if (in.operandSize != in.codeSize) {
            text.append(in.operandSize == 16 ? "word " : "dword ");
        }
        hex(text, in.imm2);
        text.append(':');
        hex(text, in.imm);
    }

    private static long immediate(Insn in, Operand operand, long value) {
        boolean sized = operand.signed() || operand.width() == Width.Z || operand.width() == Width.V;
        return sized && in.operandSize < 64 ? value & (1L << in.operandSize) - 1 : value;
    }

    private static long target(Insn in, long address) {
        long target = address + in.length + in.imm;
        return in.codeSize == 64 && in.operandSize != 16 ? target : target & (1L << in.operandSize) - 1;
    }

    static void hex(StringBuilder text, long value) {
        text.append("0x").append(Long.toHexString(value));
    }
}
