package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;

/** Every row of the table: encodes, decodes to itself, and its text assembles to the same bytes. */
class RoundTripTest {
    private static final long ADDRESS = 0x4000;
    private static final int[] SIZES = {16, 32, 64};

    private final Disassembler intel = new Disassembler(Vendor.INTEL);
    private final Disassembler amd = new Disassembler(Vendor.AMD);

    @Test
    void everyRowRoundTrips() {
        List<String> failures = new ArrayList<>();
        for (Form form : InstructionTable.get().forms()) {
            if (!form.is(Attribute.ALIAS)) {
                String failure = tryRow(form);
                if (failure != null) {
                    failures.add(form + " [" + form.notation() + "]: " + failure);
                }
            }
        }
        assertThat(failures).isEmpty();
    }

    /** Null if some sample of the row round-trips and none contradicts itself; else what went wrong. */
    private String tryRow(Form form) {
        int encoded = 0;
        int exact = 0;
        String example = "";
        for (int codeSize : SIZES) {
            for (int operandSize : SIZES) {
                for (int variant = 0; variant < 4; variant++) {
                    byte[] bytes = encode(form, codeSize, operandSize, variant);
                    Insn in = bytes == null ? null : decode(form, bytes, codeSize);
                    if (in == null || in.form != form) {
                        continue;
                    }
                    encoded++;
                    String text = Disassembler.text(in, ADDRESS);
                    byte[] again;
                    try {
                        again = Asm.assemble(codeSize, ADDRESS, text);
                    } catch (AssemblyException e) {
                        return HexFormat.of().formatHex(bytes) + " " + text + ": " + e.getMessage();
                    }
                    String textAgain = Disassembler.text(decode(form, again, codeSize), ADDRESS);
                    if (again.length > bytes.length
                            || !textAgain.equals(text) && !form.mnemonic().equals("NOP")) {
                        return HexFormat.of().formatHex(bytes) + " " + text + " -> "
                                + HexFormat.of().formatHex(again) + " " + textAgain;
                    }
                    exact += java.util.Arrays.equals(bytes, again) ? 1 : 0;
                    example = HexFormat.of().formatHex(bytes) + " " + text + " -> "
                            + HexFormat.of().formatHex(again);
                }
            }
        }
        return encoded == 0 ? "no encoding" : exact == 0 ? "never the same bytes: " + example : null;
    }

    private Insn decode(Form form, byte[] bytes, int codeSize) {
        boolean onAmd = form.is(Attribute.AMD) || form.is(Attribute.N64);
        return (onAmd ? amd : intel).decode(bytes, 0, bytes.length, codeSize);
    }

    private byte[] encode(Form form, int codeSize, int operandSize, int variant) {
        List<Arg> args = new ArrayList<>();
        boolean memory = (variant & 1) != 0;
        if (!form.string()) {
            for (Operand operand : form.kinds()) {
                long fields = form.encoding().permitted() >> Match.REG & 0xff;
                args.add(
                        operand.kind() == Operand.Kind.SEGMENT
                                ? Registers.find(Registers.segment(Long.numberOfTrailingZeros(fields)))
                                : sample(operand, codeSize, operandSize, memory, variant));
                if (form.is(Attribute.VSIB) || form.is(Attribute.VSIBX)) {
                    args.set(args.size() - 1, indexed(args.get(args.size() - 1), form, variant));
                }
            }
        }
        List<Integer> prefixes = form.is(Attribute.REP) ? List.of(0xf3) : List.of();
        boolean sized =
                form.string() && form.shape().size() != Width.B || form.kinds().isEmpty();
        boolean fixed =
                Long.bitCount(form.encoding().permitted() & Match.ANY_OPERAND) == 1 || !form.is(Attribute.SUFFIX);
        Request request = new Request("", args, prefixes, sized && !fixed ? operandSize : 0, 0);
        Request.Place place = new Request.Place(codeSize, ADDRESS, name -> 0);
        int suffix = form.is(Attribute.SUFFIX64) && variant == 2 ? 64 : 0;
        return new Encoder(form, suffix, request, place).encode();
    }

    /** Gives a memory operand a vector of indices. */
    private static Arg indexed(Arg arg, Form form, int variant) {
        int bits = form.is(Attribute.VSIB) && variant == 3 ? 256 : 128;
        if (arg instanceof Arg.Memory memory) {
            Arg.Register index = Registers.find(Registers.vector(4, bits));
            return new Arg.Memory(
                    memory.bits(), false, memory.segment(), memory.base(), index, 2, memory.displacement(), false, 0);
        }
        return arg;
    }

    private static Arg sample(Operand operand, int codeSize, int operandSize, boolean memory, int variant) {
        int number = codeSize == 64 && variant >= 2 ? 9 : 1;
        int bits = operand.width().bits(operandSize, codeSize, variant == 3 ? 256 : 128);
        return switch (operand.kind()) {
            case RM, MEMORY, VECTOR_RM, MMX_RM ->
                memory || operand.kind() == Operand.Kind.MEMORY
                        ? memory(operand, operandSize, codeSize, variant)
                        : register(operand, number, bits);
            case OFFSET -> new Arg.Memory(0, false, -1, null, null, 1, Expression.of(0x1234), false, codeSize);
            case IMMEDIATE ->
                number(
                        operand.width() == Width.B
                                ? 0x12
                                : bits == 64 ? 0x123456789abcL : bits == 16 ? 0x1234 : 0x123456);
            case RELATIVE -> number(operand.width() == Width.B ? ADDRESS + 0x20 : ADDRESS + 0x1000);
            case FAR -> new Arg.Far(Expression.of(8), Expression.of(0x1234), operandSize);
            case ONE -> number(1);
            case FIXED -> Registers.find(Registers.general(operand.fixed(), bits, false));
            case FIXED_SEGMENT -> Registers.find(Registers.segment(operand.fixed()));
            case FIXED_VECTOR -> Registers.find("xmm0");
            case STACK_TOP -> Registers.find("st0");
            default -> register(operand, number, bits);
        };
    }

    private static Arg number(long value) {
        return new Arg.Immediate(Expression.of(value), 0, false);
    }

    private static Arg memory(Operand operand, int operandSize, int codeSize, int variant) {
        Width width = operand.memoryWidth();
        int bits = width.bits(operandSize, codeSize, variant == 3 ? 256 : 128);
        boolean far = width == Width.P;
        bits = far ? bits - 16 : width == Width.S || width == Width.A ? 0 : bits;
        Arg.Register base = Registers.find(Registers.general(3, codeSize, false));
        return new Arg.Memory(bits, far, variant == 3 ? 4 : -1, base, null, 1, Expression.of(0x10), false, 0);
    }

    private static Arg register(Operand operand, int number, int bits) {
        String name = switch (operand.kind()) {
            case CONTROL -> "cr" + (number == 1 ? 3 : 8);
            case DEBUG -> "dr6";
            case VECTOR, VECTOR_RM, VECTOR_RM_REGISTER, VECTOR_VVVV, VECTOR_IMMEDIATE ->
                Registers.vector(number, operand.width() == Width.X ? bits : 128);
            case MMX, MMX_RM, MMX_RM_REGISTER -> "mm2";
            case STACK -> "st3";
            default -> Registers.general(number, bits, true);
        };
        return Registers.find(name);
    }
}
