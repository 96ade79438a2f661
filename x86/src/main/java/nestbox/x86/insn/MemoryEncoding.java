package nestbox.x86.insn;

import java.io.ByteArrayOutputStream;
import nestbox.x86.Reg;

/** Encodes a memory operand as ModRM, SIB and displacement. */
final class MemoryEncoding {
    private static final int[] SEGMENT_PREFIXES = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

    private final Arg.Memory memory;
    private final int addressSize;
    private final Request.Place place;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(8);
    private int modrm;
    private int rexBits;

    MemoryEncoding(Arg.Memory memory, int addressSize, Request.Place place) {
        this.memory = memory;
        this.addressSize = addressSize;
        this.place = place;
    }

    static int segmentPrefix(int segment) {
        return SEGMENT_PREFIXES[segment];
    }

    /** Address size that the operand's registers ask for. */
    static int addressSize(Arg.Memory memory, int codeSize) {
        if (memory.base() != null) {
            return memory.base().bits();
        }
        if (memory.index() != null && !vectorIndex(memory)) {
            return memory.index().bits();
        }
        return memory.addressBits() != 0 ? memory.addressBits() : codeSize;
    }

    /** False if there is no encoding. */
    boolean encode() {
        boolean permitted = place.codeSize() == 64 ? addressSize != 16 : addressSize != 64;
        boolean sameSize = memory.base() == null
                || memory.index() == null
                || vectorIndex(memory)
                || memory.base().bits() == memory.index().bits();
        boolean high = place.codeSize() != 64 && (number(memory.base()) > 7 || number(memory.index()) > 7);
        if (!permitted || !sameSize || high) {
            return false;
        }
        return addressSize == 16 ? encode16() : encode32();
    }

    /** A vector register holds the indices. */
    static boolean vectorIndex(Arg.Memory memory) {
        return memory.index() != null && memory.index().type() == Arg.Type.VECTOR;
    }

    int modrm() {
        return modrm;
    }

    int rexBits() {
        return rexBits;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    private static int number(Arg.Register register) {
        return register == null ? -1 : register.number();
    }

    private boolean encode16() {
        int base = number(memory.base());
        int index = number(memory.index());
        if (base < 0 && index < 0) {
            modrm = 6;
            displacement(2);
            return true;
        }
        if (memory.scale() != 1 || vectorIndex(memory)) {
            return false;
        }
        int rm = rm16(base, index);
        rm = rm < 0 ? rm16(index, base) : rm;
        if (rm < 0) {
            return false;
        }
        int count = displacementBytes(rm == 6, 2);
        modrm = rm | (count == 0 ? 0 : count == 1 ? 0x40 : 0x80);
        displacement(count);
        return true;
    }

    private static int rm16(int base, int index) {
        if (index < 0) {
            return switch (base) {
                case Reg.RSI -> 4;
                case Reg.RDI -> 5;
                case Reg.RBP -> 6;
                case Reg.RBX -> 7;
                default -> -1;
            };
        }
        int second = index == Reg.RSI ? 0 : index == Reg.RDI ? 1 : -1;
        int first = base == Reg.RBX ? 0 : base == Reg.RBP ? 2 : -1;
        return first < 0 || second < 0 ? -1 : first + second;
    }

    private boolean encode32() {
        int base = number(memory.base());
        int index = number(memory.index());
        if (index == Reg.RSP && !vectorIndex(memory)) {
            if (memory.scale() != 1 || base == Reg.RSP) {
                return false;
            }
            index = base;
            base = Reg.RSP;
        }
        if (base < 0 && index < 0) {
            boolean sib = place.codeSize() == 64 && !memory.relative();
            modrm = sib ? 4 : 5;
            if (sib) {
                bytes.write(0x25);
            }
            displacement(4);
            return displacementFits();
        }
        rexBits = (index > 7 ? 2 : 0) | (base > 7 ? 1 : 0);
        boolean sib = index >= 0 || (base & 7) == Reg.RSP;
        int count = base < 0 ? 4 : displacementBytes((base & 7) == Reg.RBP, 4);
        modrm = (base < 0 || count == 0 ? 0 : count == 1 ? 0x40 : 0x80) | (sib ? 4 : base & 7);
        if (sib) {
            int scale = Integer.numberOfTrailingZeros(memory.scale());
            bytes.write(scale << 6 | (index < 0 ? 4 : index & 7) << 3 | (base < 0 ? 5 : base & 7));
        }
        displacement(count);
        return displacementFits();
    }

    /** 0, 1 or {@code full} bytes; what depends on labels is always full, so that lengths settle. */
    private int displacementBytes(boolean needed, int full) {
        if (!memory.displacement().constant()) {
            return full;
        }
        long value = memory.displacement().value(null);
        value = full == 2 ? (short) value : addressSize == 32 ? (int) value : value;
        return value == 0 && !needed ? 0 : value == (byte) value ? 1 : full;
    }

    private boolean displacementFits() {
        long value = memory.displacement().value(place.symbols());
        boolean unknown = !memory.displacement().constant();
        return memory.relative() || unknown || addressSize == 32 || Encoder.fits(value, 32);
    }

    private void displacement(int count) {
        long value = memory.displacement().value(place.symbols());
        for (int i = 0; i < count; i++) {
            bytes.write((int) (value >> 8 * i));
        }
    }

    /** Writes the RIP-relative displacement once the instruction's length is known. */
    static void relocate(byte[] instruction, int at, Arg.Memory memory, Request.Place place) {
        long value = memory.displacement().value(place.symbols()) - (place.address() + instruction.length);
        for (int i = 0; i < 4; i++) {
            instruction[at + i] = (byte) (value >> 8 * i);
        }
    }
}
