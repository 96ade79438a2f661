package nestbox.x86.insn;

import nestbox.x86.Reg;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.op.BusLock;
import nestbox.x86.op.Semantics;

/** Decodes instruction bytes by the instruction table, for one CPU model. */
public final class Decoder {
    /** Longest instruction; longer ones raise #GP(0). */
    public static final int MAX_LENGTH = 15;

    private final CpuFeatures features;
    private final InstructionTable table = InstructionTable.get();
    private final boolean amd;
    private final Prefixes prefixes = new Prefixes();
    private final Bytes bytes = new Bytes();
    /** The instruction parsed last has more than 15 bytes. */
    private boolean tooLong;

    public Decoder(CpuFeatures features) {
        this.features = features;
        this.amd = features.vendor() == Vendor.AMD;
    }

    /**
     * Decodes the instruction at {@code code[from]}, of which bytes up to {@code to} (exclusive) are at hand.
     *
     * <p>Bytes that are no instruction of this model give an instruction whose {@code form} is null and whose handler raises
     * #UD (or #GP(0) beyond 15 bytes), with the length that was consumed.
     *
     * @param codeSize 16, 32 or 64
     * @return the instruction with its handler bound, or null if it needs bytes beyond {@code to} (and {@code to - from} is
     *     less than {@link #MAX_LENGTH})
     */
    public Insn decode(byte[] code, int from, int to, int codeSize) {
        Insn in = parse(code, from, to, codeSize);
        if (in != null) {
            in.handler = handler(in, code, from);
        }
        return in;
    }

    /** Decodes as {@link #decode} does but binds no handler. */
    Insn parse(byte[] code, int from, int to, int codeSize) {
        bytes.open(code, from, to);
        Insn in = new Insn();
        in.codeSize = codeSize;
        in.base = Reg.ZERO;
        in.index = Reg.ZERO;
        boolean complete = decode(in);
        tooLong = !complete;
        in.length = bytes.position() - from;
        if (!complete) {
            in.form = null;
            return in.length < MAX_LENGTH ? null : in;
        }
        return in;
    }

    private Handler handler(Insn in, byte[] code, int from) {
        if (in.form == null) {
            return tooLong ? Refusal.TOO_LONG : Refusal.UNDEFINED;
        }
        Handler handler = Semantics.bind(in);
        if (handler != null) {
            return features.has(Feature.VMX) ? BusLock.watch(in, handler) : handler;
        }
        Feature feature = in.form.feature();
        if (feature == Feature.VMX
                || feature == Feature.SVM
                || in.form.mnemonic().startsWith("UD")) {
            return Refusal.UNDEFINED;
        }
        return new Refusal.Unimplemented(code, from, bytes.position());
    }

    /** Fills {@code in}; false if bytes are lacking. A null form in a complete instruction means #UD. */
    private boolean decode(Insn in) {
        Prefixes p = prefixes;
        int opcode = p.read(bytes, in.codeSize);
        if (opcode < 0) {
            return false;
        }
        in.addressSize = in.codeSize == 64 ? (p.address ? 32 : 64) : p.address ? 48 - in.codeSize : in.codeSize;
        if (opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62 || opcode == 0x8f) {
            int next = bytes.peek();
            if (next < 0) {
                return false;
            }
            if (Prefixes.isVector(opcode, next, in.codeSize)) {
                return vector(in, opcode);
            }
        }
        int opcodeMap = OpcodeMap.ONE_BYTE;
        if (opcode == 0x0f) {
            opcodeMap = OpcodeMap.MAP_0F;
            opcode = bytes.next();
            if (opcode == 0x38 || opcode == 0x3a) {
                opcodeMap = opcode == 0x38 ? OpcodeMap.MAP_0F38 : OpcodeMap.MAP_0F3A;
                opcode = bytes.next();
            }
            if (opcode < 0) {
                return false;
            }
        }
        in.opcode = opcode;
        in.noTrack = p.segment == Reg.DS;
        in.rex = p.rex != 0;
        in.w = (p.rex & 8) != 0;
        in.vexLength = 0;
        Form[] rows = table.rows(opcodeMap, opcode);
        return rows == null || row(in, rows, 1L << Match.LENGTH);
    }

    /** The instruction behind a VEX, EVEX or XOP prefix. */
    private boolean vector(Insn in, int first) {
        Prefixes p = prefixes;
        boolean illegal = p.operand || p.repeat != 0 || p.lock || p.rex != 0;
        if (!p.readVector(bytes, first, in.codeSize)) {
            return false;
        }
        int opcode = bytes.next();
        if (opcode < 0) {
            return false;
        }
        in.opcode = opcode;
        in.rex = true;
        in.w = p.vectorW;
        in.vvvv = in.codeSize == 64 ? p.vvvv : p.vvvv & 7;
        in.vexLength = 128 << p.vectorLength;
        Form[] rows = first == 0xc4 || first == 0xc5 ? table.rows(OpcodeMap.VEX + p.vectorMap, opcode) : null;
        if (rows == null) {
            return skip(in, first == 0x62, p.vectorMap, opcode);
        }
        if (!row(in, rows, 1L << (Match.LENGTH + p.vectorLength))) {
            return false;
        }
        if (illegal || in.form != null && !in.form.shape().vvvv() && p.vvvv != 0) {
            in.form = null;
        }
        return true;
    }

    /** Consumes an encoding that no row describes. */
    private boolean skip(Insn in, boolean evex, int vectorMap, int opcode) {
        if (VexLengths.hasModrm(evex, vectorMap, opcode)) {
            in.modrm = bytes.next();
            if (in.modrm < 0 || in.modrm < 0xc0 && !ModRm.memory(in, bytes, prefixes)) {
                return false;
            }
        }
        return bytes.take(VexLengths.immediate(vectorMap, opcode));
    }

    /** Finds the row among those of the opcode and decodes its operands. */
    private boolean row(Insn in, Form[] rows, long length) {
        Prefixes p = prefixes;
        int modrm = 0xc0;
        boolean hasModrm = rows[0].encoding().modrm();
        if (hasModrm) {
            modrm = bytes.next();
            if (modrm < 0) {
                return false;
            }
            in.modrm = modrm;
        }
        int operandSize = p.operandSize(in.codeSize, in.w);
        long key = p.match()
                | (modrm < 0xc0 ? Match.MEMORY : Match.REGISTER)
                | 1L << (Match.REG + (modrm >> 3 & 7))
                | 1L << (Match.RM + (modrm & 7))
                | Match.size(Match.CODE, in.codeSize)
                | Match.size(Match.OPERAND, operandSize)
                | Match.size(Match.ADDRESS, in.addressSize)
                | 1L << (Match.W + (in.w ? 1 : 0))
                | 1L << (Match.B + (p.rex & 1))
                | (amd ? Match.AMD : Match.INTEL)
                | length;
        Form form = choose(rows, key);
        if (hasModrm) {
            in.memory = modrm < 0xc0 && (form == null || !form.is(Attribute.ANYMOD));
            in.reg = modrm >> 3 & 7 | (p.rex & 4) << 1;
            in.rm = modrm & 7 | (p.rex & 1) << 3;
            if (in.memory && !ModRm.memory(in, bytes, p)) {
                return false;
            }
        } else {
            in.reg = in.opcode & 7 | (p.rex & 1) << 3;
        }
        if (!in.memory) {
            ModRm.implicit(in, p);
        }
        if (form == null) {
            return true;
        }
        in.form = form;
        if (!operands(in, form, operandSize)) {
            return false;
        }
        if (!present(form)) {
            in.form = null;
        }
        return true;
    }

    /** The first row that matches; one whose feature is missing gives way to the next if it says so. */
    private Form choose(Form[] rows, long key) {
        for (Form form : rows) {
            if ((key & ~form.encoding().permitted()) == 0 && (!form.is(Attribute.ELSE) || present(form))) {
                return form;
            }
        }
        return null;
    }

    private boolean present(Form form) {
        Feature feature = form.feature();
        return feature == null || features.has(feature);
    }

    private boolean operands(Insn in, Form form, int plainSize) {
        Prefixes p = prefixes;
        int operandSize = plainSize;
        int attributes = form.attributes();
        if ((attributes & (Attribute.D64 | Attribute.N64 | Attribute.F64)) != 0) {
            operandSize = stackSize(attributes, in, plainSize);
        }
        in.operandSize = operandSize;
        Shape shape = form.shape();
        int vectorLength = in.vexLength == 0 ? 128 : in.vexLength;
        in.size = shape.size().bits(operandSize, in.addressSize, vectorLength);
        in.rmSize = (in.memory ? shape.rmMemory() : shape.rmRegister()).bits(operandSize, in.addressSize, vectorLength);
        if (shape.eightRegs()) {
            in.reg &= 7;
        }
        if (shape.eightRms()) {
            in.rm &= 7;
        }
        long prefixPart = ~form.encoding().permitted() & Match.ANY_PREFIX;
        in.rep = p.repeat == 0xf3 && (prefixPart == 0 || form.is(Attribute.REP));
        in.repne = p.repeat == 0xf2 && (prefixPart == 0 || form.is(Attribute.REP));
        if (p.lock && !locked(in, form)) {
            in.lock = true;
            boolean complete =
                    shape.immediates() == null || Immediates.read(in, bytes, shape.immediates(), operandSize);
            in.form = null;
            return complete;
        }
        return shape.immediates() == null || Immediates.read(in, bytes, shape.immediates(), operandSize);
    }

    private int stackSize(int attributes, Insn in, int plainSize) {
        if ((attributes & Attribute.F64) != 0) {
            return in.codeSize == 64 ? 64 : plainSize;
        }
        if (in.codeSize != 64) {
            return plainSize;
        }
        boolean intelNear = (attributes & Attribute.N64) != 0 && !amd;
        return plainSize == 16 && !intelNear ? 16 : 64;
    }

    /** Whether the LOCK prefix at hand is legal; AMD's LOCK MOV CR0 names CR8. */
    private boolean locked(Insn in, Form form) {
        if (form.is(Attribute.CR8) && amd && in.reg == 0 && features.has(Feature.CR8LEGACY)) {
            in.reg = 8;
            return true;
        }
        in.lock = form.is(Attribute.LOCK) && in.memory;
        return in.lock;
    }
}
