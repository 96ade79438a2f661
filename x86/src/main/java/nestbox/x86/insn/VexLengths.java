package nestbox.x86.insn;

/** Lengths of VEX, EVEX and XOP encodings that no row describes: what follows the opcode depends on the map alone. */
final class VexLengths {
    private VexLengths() {}

    /** Whether a ModRM byte follows: only VZEROUPPER and VZEROALL have none. */
    static boolean hasModrm(boolean evex, int map, int opcode) {
        return evex || map != 1 || opcode != 0x77;
    }

    /** Bytes of immediate. */
    static int immediate(int map, int opcode) {
        switch (map) {
            case 1:
                return opcode >= 0x70 && opcode <= 0x73 || opcode == 0xc2 || opcode >= 0xc4 && opcode <= 0xc6 ? 1 : 0;
            case 3:
            case 8:
                return 1;
            case 10:
                return 4;
            default:
                return 0;
        }
    }
}
