package nestbox.x86.insn;

import java.io.ByteArrayOutputStream;
import java.util.List;

/** Encodes the immediates of an instruction, whose operand and address sizes are settled. */
final class ImmediateEncoding {
    private final Request.Place place;
    private final int operandSize;
    private final int addressSize;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(8);

    ImmediateEncoding(Request.Place place, int operandSize, int addressSize) {
        this.place = place;
        this.operandSize = operandSize;
        this.addressSize = addressSize;
    }

    /**
     * The bytes behind ModRM and displacement, or null if a value does not fit.
     *
     * @param before length of the instruction up to here
     * @param memory the memory operand, which an OFFSET operand encodes here
     */
    byte[] encode(Form form, List<Arg> args, int before, Arg.Memory memory) {
        for (int i = 0; i < args.size(); i++) {
            Operand operand = form.kinds().get(i);
            boolean fits = switch (operand.kind()) {
                case IMMEDIATE -> args.get(i) instanceof Arg.Immediate value && immediate(operand, value);
                case VECTOR_IMMEDIATE ->
                    args.get(i) instanceof Arg.Register register && write(register.number() << 4, 1);
                case ONE ->
                    args.get(i) instanceof Arg.Immediate value
                            && value.value().constant()
                            && value.value().value(null) == 1;
                case RELATIVE -> args.get(i) instanceof Arg.Immediate value && relative(operand, value, before);
                case FAR -> args.get(i) instanceof Arg.Far far && far(far);
                case OFFSET -> write(memory.displacement().value(place.symbols()), addressSize >> 3);
                default -> true;
            };
            if (!fits) {
                return null;
            }
        }
        return out.toByteArray();
    }

    private boolean immediate(Operand operand, Arg.Immediate immediate) {
        long value = immediate.value().value(place.symbols());
        if (operand.signed()) {
            long wrapped = inRange(value, operandSize) ? value << 64 - operandSize >> 64 - operandSize : value;
            return wrapped == (byte) wrapped && write(wrapped, 1);
        }
        int bits = operand.width().bits(operandSize, addressSize, 0);
        boolean extended = operand.width() == Width.Z && operandSize == 64;
        return (extended ? Encoder.fits(value, 32) : inRange(value, bits)) && write(value, bits >> 3);
    }

    private boolean relative(Operand operand, Arg.Immediate target, int before) {
        int count = operand.width().bits(operandSize, addressSize, 0) >> 3;
        long distance = target.value().value(place.symbols()) - (place.address() + before + count);
        if (operandSize < 64) {
            distance = distance << 64 - operandSize >> 64 - operandSize;
        }
        return Encoder.fits(distance, 8 * count) && write(distance, count);
    }

    private boolean far(Arg.Far far) {
        long offset = far.offset().value(place.symbols());
        long selector = far.selector().value(place.symbols());
        return inRange(offset, operandSize)
                && inRange(selector, 16)
                && write(offset, operandSize >> 3)
                && write(selector, 2);
    }

    /** Whether the value is one of that many bits, signed or unsigned. */
    private static boolean inRange(long value, int bits) {
        return bits >= 64 || value >= -(1L << bits - 1) && value < 1L << bits;
    }

    private boolean write(long value, int count) {
        for (int i = 0; i < count; i++) {
            out.write((int) (value >> 8 * i));
        }
        return true;
    }
}
