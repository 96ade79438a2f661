package nestbox.x86.insn;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import nestbox.x86.model.Vendor;

/** Encodes single instructions: tries the rows of a mnemonic and takes the shortest encoding that decodes to its row. */
public final class Assembler {
    private static final Map<String, List<Candidate>> ROWS = rows();

    private final Disassembler intel = new Disassembler(Vendor.INTEL);
    private final Disassembler amd = new Disassembler(Vendor.AMD);

    /** A row under one of its names; {@code suffix} is the operand size that the name says, or 0. */
    private record Candidate(Form form, int suffix) {}

    private static Map<String, List<Candidate>> rows() {
        Map<String, List<Candidate>> rows = new HashMap<>();
        for (Form form : InstructionTable.get().forms()) {
            if (form.is(Attribute.ALIAS)) {
                continue;
            }
            String name = form.mnemonic().toLowerCase(Locale.ROOT);
            switch (name) {
                case "jmpf", "callf" -> add(rows, name.substring(0, name.length() - 1), form, 0);
                case "xlat" -> add(rows, "xlatb", form, 0);
                default -> {}
            }
            if (!form.string()) {
                add(rows, name, form, 0);
            }
            if (form.is(Attribute.SUFFIX)) {
                suffixes(rows, name, form);
            }
            if (form.is(Attribute.SUFFIX64)) {
                add(rows, name + (name.startsWith("sys") ? "q" : "64"), form, 64);
            }
        }
        return rows;
    }

    private static void suffixes(Map<String, List<Candidate>> rows, String name, Form form) {
        if (form.shape().size() == Width.B) {
            add(rows, name + "b", form, 8);
            return;
        }
        int widest = form.shape().size() == Width.Z ? 32 : 64;
        for (int size = 16; size <= widest; size *= 2) {
            add(rows, name + Mnemonics.letter(size), form, size);
        }
    }

    private static void add(Map<String, List<Candidate>> rows, String name, Form form, int suffix) {
        rows.computeIfAbsent(name, unused -> new ArrayList<>()).add(new Candidate(form, suffix));
    }

    /** Whether there is an instruction of that name. */
    static boolean knows(String mnemonic) {
        return ROWS.containsKey(AssemblyNames.canonical(mnemonic));
    }

    /**
     * The shortest encoding of at least {@code atLeast} bytes.
     *
     * @throws IllegalArgumentException if there is none; the message says why
     */
    byte[] encode(Request request, Request.Place place, int atLeast) {
        String name = AssemblyNames.canonical(request.mnemonic());
        List<Candidate> candidates = ROWS.get(name);
        if (candidates == null) {
            throw new IllegalArgumentException("unknown instruction " + request.mnemonic());
        }
        byte[] best = null;
        boolean ambiguous = false;
        Set<Integer> openWidths = new HashSet<>();
        for (Candidate candidate : candidates) {
            Encoder encoder = new Encoder(candidate.form, candidate.suffix, request, place);
            byte[] bytes = encoder.encode();
            Insn in = bytes == null ? null : check(candidate, bytes, place.codeSize());
            if (in == null) {
                continue;
            }
            if (encoder.leavesMemoryOpen()) {
                openWidths.add(in.rmSize);
            }
            ambiguous |= encoder.ambiguous();
            if (bytes.length >= atLeast && (best == null || bytes.length < best.length)) {
                best = bytes;
            }
        }
        List<Arg> args = request.args();
        if (best == null && AssemblyNames.commutes(name) && args.size() == 2 && args.get(1) instanceof Arg.Memory) {
            List<Arg> swapped = List.of(args.get(1), args.get(0));
            return encode(
                    new Request(name, swapped, request.prefixes(), request.operandBits(), request.addressBits()),
                    place,
                    atLeast);
        }
        if (best == null) {
            throw new IllegalArgumentException(
                    "no encoding of " + name + " takes these operands in " + place.codeSize() + "-bit code");
        }
        if (ambiguous || openWidths.size() > 1) {
            throw new IllegalArgumentException("operation size not specified");
        }
        return AssemblyNames.waits(request.mnemonic()) ? withWait(best) : best;
    }

    private static byte[] withWait(byte[] bytes) {
        byte[] all = new byte[bytes.length + 1];
        all[0] = (byte) 0x9b;
        System.arraycopy(bytes, 0, all, 1, bytes.length);
        return all;
    }

    /** Decodes the encoding; null if the bytes mean another row or are undefined. */
    private Insn check(Candidate candidate, byte[] bytes, int codeSize) {
        Insn in = (candidate.form.is(Attribute.AMD) ? amd : intel).decode(bytes, 0, bytes.length, codeSize);
        if (in == null || in.form != candidate.form || in.length != bytes.length) {
            in = amd.decode(bytes, 0, bytes.length, codeSize);
        }
        return in != null && in.form == candidate.form && in.length == bytes.length ? in : null;
    }
}
