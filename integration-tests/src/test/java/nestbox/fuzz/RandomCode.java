package nestbox.fuzz;

import java.io.ByteArrayOutputStream;
import java.util.List;
import nestbox.core.Seed;
import nestbox.x86.insn.Form;
import nestbox.x86.insn.InstructionTable;

/**
 * Instructions that follow a row of the instruction table as far as its encoding goes, and are random in all else: prefixes, ModRM,
 * displacements, immediates. What is wrong with them is part of the point.
 */
final class RandomCode {
    private static final int[] PREFIXES = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    private static final List<Form> FORMS = InstructionTable.get().forms();
    /** Rows that touch the system, drawn more often than their share of the table. */
    private static final List<Form> SYSTEM =
            FORMS.stream().filter(form -> form.privileged() || form.endsBlock()).toList();

    private final Seed random;
    private final int bits;

    /** @param bits code size: 16, 32 or 64 */
    RandomCode(Seed random, int bits) {
        this.random = random;
        this.bits = bits;
    }

    /** One instruction of the table, with more bytes behind it than some need. */
    byte[] instruction() {
        List<Form> rows = random.nextInt(3) == 0 ? SYSTEM : FORMS;
        String notation = rows.get(random.nextInt(rows.size())).notation();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        while (random.nextInt(5) == 0) {
            out.write(PREFIXES[random.nextInt(PREFIXES.length)]);
        }
        if (notation.startsWith("VEX.") || notation.startsWith("XOP.")) {
            vex(out, notation.split(" "));
        } else {
            legacy(out, notation.split(" "));
        }
        tail(out);
        return out.toByteArray();
    }

    /** Bytes that follow no rule. */
    byte[] bytes(int count) {
        byte[] all = new byte[count];
        for (int i = 0; i < count; i++) {
            all[i] = (byte) random.nextLong();
        }
        return all;
    }

    private void legacy(ByteArrayOutputStream out, String[] words) {
        int rex = bits == 64 && random.nextInt(3) != 0 ? 0x40 | random.nextInt(16) : 0;
        boolean opcode = false;
        for (String word : words) {
            boolean prefix = !opcode && (word.equals("66") || word.equals("F2") || word.equals("F3"));
            if (word.startsWith("REX.W")) {
                rex = bits == 64 ? 0x48 | random.nextInt(8) : 0;
            } else if (prefix) {
                out.write(Integer.parseInt(word, 16));
            } else if (word.startsWith("/")) {
                modrm(out, word.equals("/r") ? random.nextInt(8) : word.charAt(1) - '0');
            } else if (word.matches("[0-9A-F]{2}(\\+.*)?")) {
                if (!opcode && rex != 0) {
                    out.write(rex);
                }
                opcode = true;
                out.write(Integer.parseInt(word, 0, 2, 16) + more(word));
            }
        }
    }

    private int more(String word) {
        return word.endsWith("+cc") ? random.nextInt(16) : word.length() > 2 ? random.nextInt(8) : 0;
    }

    private void vex(ByteArrayOutputStream out, String[] words) {
        String all = words[0] + ".";
        int map = all.contains(".0F38.") ? 2 : all.contains(".0F3A.") ? 3 : 1;
        int prefix = all.contains(".66.") ? 1 : all.contains(".F3.") ? 2 : all.contains(".F2.") ? 3 : 0;
        int length = all.contains(".256.") ? 4 : all.contains(".128.") ? 0 : random.nextInt(2) << 2;
        int wide = all.contains(".W1.") ? 0x80 : all.contains(".W0.") ? 0 : random.nextInt(2) << 7;
        out.write(0xc4);
        out.write((bits == 64 ? random.nextInt(8) << 5 : 0xe0) | map);
        out.write(wide | (random.nextInt(3) == 0 ? 15 : random.nextInt(16)) << 3 | length | prefix);
        out.write(Integer.parseInt(words[1], 0, 2, 16));
        for (int i = 2; i < words.length; i++) {
            if (words[i].startsWith("/")) {
                modrm(out, words[i].equals("/r") ? random.nextInt(8) : words[i].charAt(1) - '0');
            } else {
                out.write(Integer.parseInt(words[i], 0, 2, 16) + more(words[i]));
            }
        }
    }

    /** Mostly a register's value as address. */
    private void modrm(ByteArrayOutputStream out, int reg) {
        int mod = random.nextInt(8) < 4 ? 0 : random.nextInt(4);
        int rm = random.nextInt(8);
        out.write(mod << 6 | reg << 3 | rm);
        if (mod == 3) {
            return;
        }
        boolean sib = bits != 16 && rm == 4;
        if (sib) {
            out.write(random.nextInt(256));
        }
        int displacement = mod == 1 ? 1 : mod == 2 || mod == 0 && rm == (bits == 16 ? 6 : 5) ? bits == 16 ? 2 : 4 : 0;
        for (int i = 0; i < displacement; i++) {
            out.write(random.nextInt(4) == 0 ? random.nextInt(256) : i == 3 ? 0 : random.nextInt(32));
        }
    }

    private void tail(ByteArrayOutputStream out) {
        int count = random.nextInt(2) * random.nextInt(9);
        for (int i = 0; i < count; i++) {
            out.write(random.nextInt(3) == 0 ? 0 : random.nextInt(256));
        }
    }
}
