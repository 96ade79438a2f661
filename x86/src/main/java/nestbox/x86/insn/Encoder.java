package nestbox.x86.insn;

import java.io.ByteArrayOutputStream;
import java.util.List;

/** Encodes one instruction by one row of the table. One object encodes once. */
final class Encoder {
    private static final int[] MANDATORY = {0, 0x66, 0xf3, 0xf2};

    private final Form form;
    private final Request request;
    private final Request.Place place;
    private final int suffix;
    private final boolean long64;

    /** Operand size that the operands demand, or 0. */
    private int demanded;
    /** An operand of 32 bits that is 64 wide with operand size 64 only. */
    private boolean narrow;
    /** A memory operand without a width takes it from the operand size. */
    private boolean unsized;

    private int vectorBits;
    private boolean needsRex;
    private boolean noRex;
    private int rexBits;
    private int modrm = -1;
    private int reg = -1;
    private int vvvv;
    private int opcodeReg;
    private Arg.Memory memory;
    private boolean impossible;

    Encoder(Form form, int suffix, Request request, Request.Place place) {
        this.form = form;
        this.suffix = suffix;
        this.request = request;
        this.place = place;
        this.long64 = place.codeSize() == 64;
    }

    /** The memory operand's width is left open by the source and not settled by another operand. */
    boolean ambiguous() {
        return unsized
                && demanded == 0
                && suffix == 0
                && request.operandBits() == 0
                && !narrow
                && !form.is(Attribute.D64)
                && !form.is(Attribute.N64)
                && !form.is(Attribute.F64);
    }

    /** Whether a memory operand without a width could be one of this row's. */
    boolean leavesMemoryOpen() {
        return memory != null && memory.bits() == 0;
    }

    /** The bytes, or null if the row does not fit the request. */
    byte[] encode() {
        List<Arg> args = ImpliedOperands.complete(form, request.args());
        if (args == null) {
            return null;
        }
        for (int i = 0; i < args.size() && !impossible; i++) {
            place(form.kinds().get(i), args.get(i));
        }
        int size = impossible ? 0 : operandSize();
        return size == 0 ? null : emit(args, size);
    }

    private void place(Operand operand, Arg arg) {
        switch (operand.kind()) {
            case SOURCE, DESTINATION, IMMEDIATE, RELATIVE, FAR, ONE -> {}
            case OFFSET -> offset(operand, arg);
            default -> {
                if (arg instanceof Arg.Register register) {
                    register(operand, register);
                } else if (arg instanceof Arg.Memory at && operand.isRm() && !operand.isRmRegister()) {
                    memory(operand, at);
                } else {
                    impossible = true;
                }
            }
        }
    }

    private void offset(Operand operand, Arg arg) {
        if (!(arg instanceof Arg.Memory at) || at.base() != null || at.index() != null || at.relative()) {
            impossible = true;
            return;
        }
        boolean far64 = at.addressBits() == 64
                || at.displacement().constant() && !fits(at.displacement().value(null), 32);
        if (long64 && !far64) {
            impossible = true;
            return;
        }
        memory = at;
        memoryWidth(operand.width(), at);
    }

    private void memory(Operand operand, Arg.Memory at) {
        memory = at;
        modrm = 0;
        expect(MemoryEncoding.vectorIndex(at) == (form.is(Attribute.VSIB) || form.is(Attribute.VSIBX)));
        if (form.is(Attribute.VSIB) && !impossible) {
            width(Width.X, at.index().bits());
        } else if (form.is(Attribute.VSIBX) && !impossible) {
            expect(at.index().bits() == 128);
        }
        boolean transfer = operand.width() == Width.P && form.kinds().size() == 1;
        expect(at.far() ? operand.width() == Width.P : !transfer);
        expect(at.addressBits() != 64 || !long64 || at.base() != null || at.index() != null);
        if (operand.width() == Width.P) {
            if (at.bits() != 0) {
                demand(at.bits());
            }
        } else {
            memoryWidth(operand.memoryWidth(), at);
        }
    }

    private void memoryWidth(Width width, Arg.Memory at) {
        if (at.far()) {
            impossible = true;
        } else if (at.bits() != 0 && width != Width.NONE && width != Width.S && width != Width.A) {
            width(width, at.bits());
        } else if (width == Width.V || width == Width.Y || width == Width.Z) {
            unsized = true;
        }
    }

    private void register(Operand operand, Arg.Register register) {
        Arg.Type type = register.type();
        int number = register.number();
        boolean general = type == Arg.Type.GENERAL || type == Arg.Type.HIGH_BYTE;
        switch (operand.kind()) {
            case RM, RM_REGISTER -> expect(general && rm(number));
            case REG -> expect(general && reg(number));
            case OPCODE_REG -> {
                opcodeReg = number & 7;
                rexBits |= number >> 3;
                expect(general);
            }
            case VVVV -> vvvv(general, number);
            case SEGMENT -> expect(type == Arg.Type.SEGMENT && reg(number));
            case CONTROL -> expect(type == Arg.Type.CONTROL && reg(number));
            case DEBUG -> expect(type == Arg.Type.DEBUG && reg(number));
            case VECTOR -> expect(type == Arg.Type.VECTOR && reg(number));
            case VECTOR_RM, VECTOR_RM_REGISTER -> expect(type == Arg.Type.VECTOR && rm(number));
            case VECTOR_VVVV -> vvvv(type == Arg.Type.VECTOR, number);
            case VECTOR_IMMEDIATE -> expect(type == Arg.Type.VECTOR);
            case MMX -> expect(type == Arg.Type.MMX && reg(number));
            case MMX_RM, MMX_RM_REGISTER -> expect(type == Arg.Type.MMX && rm(number));
            case STACK -> expect(type == Arg.Type.X87 && rm(number));
            case STACK_TOP -> expect(type == Arg.Type.X87 && number == 0);
            case FIXED -> expect(type == Arg.Type.GENERAL && number == operand.fixed());
            case FIXED_SEGMENT -> expect(type == Arg.Type.SEGMENT && number == operand.fixed());
            case FIXED_VECTOR -> expect(type == Arg.Type.VECTOR && number == 0);
            default -> impossible = true;
        }
        if (general) {
            generalWidth(operand, register);
        } else if (type == Arg.Type.VECTOR) {
            int bits = operand.width() == Width.X ? register.bits() : 128;
            expect(bits == register.bits() && (operand.width() != Width.X || vectorBits == 0 || vectorBits == bits));
            vectorBits = operand.width() == Width.X ? bits : vectorBits;
        }
    }

    private void generalWidth(Operand operand, Arg.Register register) {
        boolean high = register.type() == Arg.Type.HIGH_BYTE;
        noRex |= high;
        needsRex |= !high && register.bits() == 8 && register.number() >= 4 && register.number() < 8;
        expect(long64 || register.number() < 8 && register.bits() < 64 && !(needsRex && !high));
        boolean selector = operand.width() == Width.W && form.kinds().get(0).kind() == Operand.Kind.SEGMENT;
        if (selector) {
            expect(register.bits() >= 16);
        } else if (operand.width() == Width.ASIZE) {
            expect(register.bits() == addressSize());
        } else {
            width(operand.width(), register.bits());
        }
    }

    private void expect(boolean condition) {
        impossible |= !condition;
    }

    private boolean rm(int number) {
        modrm = 0xc0 | number & 7;
        rexBits |= number >> 3;
        return true;
    }

    private boolean reg(int number) {
        reg = number & 7;
        rexBits |= number >> 3 << 2;
        return true;
    }

    private void vvvv(boolean condition, int number) {
        expect(condition);
        vvvv = number;
    }

    /** An operand of the width has {@code bits}. */
    private void width(Width width, int bits) {
        switch (width) {
            case V -> demand(bits);
            case Z -> {
                expect(bits <= 32);
                demand(bits);
            }
            case Y -> {
                expect(bits >= 32);
                if (bits == 64) {
                    demand(64);
                } else {
                    narrow = true;
                }
            }
            case X -> {
                expect(vectorBits == 0 || vectorBits == bits);
                vectorBits = bits;
            }
            default -> expect(width.bits(0, 0, 0) == bits);
        }
    }

    private void demand(int bits) {
        expect((bits == 16 || bits == 32 || bits == 64) && (demanded == 0 || demanded == bits));
        demanded = bits;
    }

    /** The operand size to encode, or 0 if there is none that fits. */
    private int operandSize() {
        immediateWidths();
        if (suffix != 0 && suffix != 8) {
            if (form.is(Attribute.SUFFIX64) || form.shape().size() != Width.Y || suffix == 64) {
                demand(suffix);
            }
        }
        if (request.operandBits() != 0) {
            demand(request.operandBits());
        }
        int normal = Mnemonics.defaultSize(form, place.codeSize());
        long sizes = form.encoding().permitted() & Match.ANY_OPERAND;
        int size = demanded != 0 ? demanded : normal;
        if (demanded == 0 && Long.bitCount(sizes) == 1) {
            size = (int) (sizes >> Match.OPERAND) << 4;
        }
        if (narrow && size == 64 && !form.is(Attribute.F64)) {
            return 0;
        }
        boolean wide = form.is(Attribute.D64) || form.is(Attribute.N64) || form.is(Attribute.F64);
        boolean fixed = form.is(Attribute.F64) && long64 && size != normal;
        if (impossible || size == 64 && !long64 || fixed || wide && long64 && size == 32) {
            return 0;
        }
        return size;
    }

    /** Widths written before immediates: {@code push word 1}, {@code jmp dword target}. */
    private void immediateWidths() {
        List<Arg> args = request.args();
        for (int i = 0; i < args.size() && i < form.kinds().size(); i++) {
            Operand operand = form.kinds().get(i);
            if (args.get(i) instanceof Arg.Immediate immediate && immediate.bits() != 0) {
                boolean isByte = operand.width() == Width.B;
                boolean sized = operand.signed() && immediate.bits() > 8;
                expect(sized || isByte == (immediate.bits() == 8) || operand.kind() == Operand.Kind.ONE);
                boolean pushed = long64 && form.is(Attribute.D64) && immediate.bits() == 32;
                if ((sized || !isByte) && operand.width() != Width.W && !pushed && immediate.bits() > 8) {
                    demand(immediate.bits());
                }
            } else if (args.get(i) instanceof Arg.Immediate immediate && immediate.near()) {
                expect(operand.width() != Width.B);
            } else if (args.get(i) instanceof Arg.Far far && far.bits() != 0) {
                demand(far.bits());
            }
        }
    }

    private int addressSize() {
        if (request.addressBits() != 0) {
            return request.addressBits();
        }
        long sizes = form.encoding().permitted() & Match.ANY_ADDRESS;
        if (Long.bitCount(sizes) == 1) {
            return (int) (sizes >> Match.ADDRESS) << 4;
        }
        return memory == null ? registerAddressSize() : MemoryEncoding.addressSize(memory, place.codeSize());
    }

    /** For operands that are registers of the address size (UMONITOR, MOVDIR64B). */
    private int registerAddressSize() {
        for (int i = 0; i < form.kinds().size() && i < request.args().size(); i++) {
            if (form.kinds().get(i).width() == Width.ASIZE && request.args().get(i) instanceof Arg.Register register) {
                return register.bits();
            }
        }
        return place.codeSize();
    }

    private byte[] emit(List<Arg> args, int size) {
        Encoding encoding = form.encoding();
        ByteArrayOutputStream out = new ByteArrayOutputStream(16);
        long permitted = encoding.permitted();
        boolean vex = encoding.map() >= OpcodeMap.VEX;
        int mandatory = mandatory(permitted);
        boolean wide = form.is(Attribute.D64) || form.is(Attribute.N64) || form.is(Attribute.F64);
        boolean w = size == 64 && !wide && !vex
                || (permitted & 1L << Match.W) == 0
                || vex && size == 64 && (permitted & Match.ANY_W) == Match.ANY_W;
        boolean small = !vex && (long64 ? size == 16 : size != place.codeSize());
        for (int prefix : request.prefixes()) {
            out.write(prefix);
        }
        if (memory != null && memory.segment() >= 0) {
            out.write(MemoryEncoding.segmentPrefix(memory.segment()));
        }
        if (addressSize() != place.codeSize()) {
            out.write(0x67);
        }
        if (small && mandatory != 1 && !(w && long64)) {
            out.write(0x66);
        }
        byte[] address = address(size);
        if (impossible || w && !long64 && !vex) {
            return null;
        }
        if (vex) {
            expect(vectorBits == 0 || (permitted & (vectorBits == 256 ? 2L : 1L) << Match.LENGTH) != 0);
            vexPrefix(out, mandatory, w);
        } else {
            legacyPrefix(out, mandatory, w);
        }
        out.write(encoding.opcode() + opcodeReg);
        modrm(out, permitted);
        out.writeBytes(address);
        ImmediateEncoding immediates = new ImmediateEncoding(place, size, addressSize());
        byte[] tail = immediates.encode(form, args, out.size(), memory);
        if (tail == null || impossible || noRex && (needsRex || rexBits != 0 || w)) {
            return null;
        }
        out.writeBytes(tail);
        byte[] bytes = out.toByteArray();
        if (memory != null && memory.relative()) {
            MemoryEncoding.relocate(bytes, out.size() - tail.length - 4, memory, place);
        }
        return bytes;
    }

    private static int mandatory(long permitted) {
        long prefixes = permitted >> Match.PREFIX & 15;
        return (prefixes & 1) != 0 || Long.bitCount(prefixes) != 1 ? 0 : Long.numberOfTrailingZeros(prefixes);
    }

    /** SIB and displacement; sets ModRM and the REX bits of base and index. */
    private byte[] address(int size) {
        if (memory == null || !form.encoding().modrm()) {
            return new byte[0];
        }
        MemoryEncoding encoding = new MemoryEncoding(memory, addressSize(), place);
        if (!encoding.encode()) {
            impossible = true;
            return new byte[0];
        }
        modrm = encoding.modrm();
        rexBits |= encoding.rexBits();
        return encoding.bytes();
    }

    private void modrm(ByteArrayOutputStream out, long permitted) {
        if (!form.encoding().modrm()) {
            return;
        }
        long regs = permitted >> Match.REG & 0xff;
        int field = Long.bitCount(regs) == 1 ? Long.numberOfTrailingZeros(regs) : Math.max(reg, 0);
        expect(reg < 0 || reg == field);
        if (modrm < 0) {
            long rms = permitted >> Match.RM & 0xff;
            modrm = 0xc0 | (Long.bitCount(rms) == 1 ? Long.numberOfTrailingZeros(rms) : 0);
        }
        out.write(modrm | field << 3);
    }

    private void legacyPrefix(ByteArrayOutputStream out, int mandatory, boolean w) {
        if (mandatory != 0) {
            out.write(MANDATORY[mandatory]);
        }
        int rex = rexBits | (w ? 8 : 0);
        if (rex != 0 || needsRex) {
            out.write(0x40 | rex);
        }
        int map = form.encoding().map();
        if (map != OpcodeMap.ONE_BYTE) {
            out.write(0x0f);
        }
        if (map == OpcodeMap.MAP_0F38 || map == OpcodeMap.MAP_0F3A) {
            out.write(map == OpcodeMap.MAP_0F38 ? 0x38 : 0x3a);
        }
    }

    private void vexPrefix(ByteArrayOutputStream out, int mandatory, boolean w) {
        int map = form.encoding().map() - OpcodeMap.VEX;
        long lengths = form.encoding().permitted() >> Match.LENGTH & 7;
        int length = vectorBits == 256 || lengths == 2 ? 1 : 0;
        int last = (~vvvv & 15) << 3 | length << 2 | mandatory;
        if (map == 1 && !w && (rexBits & 3) == 0) {
            out.write(0xc5);
            out.write((~rexBits & 4) << 5 | last);
        } else {
            out.write(0xc4);
            out.write((~rexBits & 7) << 5 | map);
            out.write((w ? 0x80 : 0) | last);
        }
    }

    static boolean fits(long value, int bits) {
        return bits >= 64 || value >= -(1L << bits - 1) && value < 1L << bits - 1;
    }
}
