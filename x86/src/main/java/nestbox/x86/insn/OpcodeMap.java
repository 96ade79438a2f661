package nestbox.x86.insn;

import java.util.List;

/** The rows of the instruction table by opcode map and opcode byte, in the table's order. */
final class OpcodeMap {
    static final int ONE_BYTE = 0;
    static final int MAP_0F = 1;
    static final int MAP_0F38 = 2;
    static final int MAP_0F3A = 3;
    /** Plus VEX.mmmmm. */
    static final int VEX = 4;

    private static final int MAPS = 8;

    private final Form[][] rows = new Form[MAPS << 8][];

    OpcodeMap(List<Form> forms) {
        for (Form form : forms) {
            Encoding encoding = form.encoding();
            for (int i = 0; i < encoding.count(); i++) {
                add(encoding.map() << 8 | encoding.opcode() + i, form);
            }
        }
    }

    private void add(int slot, Form form) {
        Form[] old = rows[slot];
        if (old == null) {
            rows[slot] = new Form[] {form};
            return;
        }
        if (old[0].encoding().modrm() != form.encoding().modrm()) {
            throw new IllegalArgumentException(form.mnemonic() + ": rows of one opcode disagree on ModRM");
        }
        Form[] more = java.util.Arrays.copyOf(old, old.length + 1);
        more[old.length] = form;
        rows[slot] = more;
    }

    /** Rows of an opcode, all with or all without ModRM; null if there are none. */
    Form[] rows(int map, int opcode) {
        return map < MAPS ? rows[map << 8 | opcode] : null;
    }
}
