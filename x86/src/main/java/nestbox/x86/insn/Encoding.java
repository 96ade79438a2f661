package nestbox.x86.insn;

/**
 * Where a row lies in the opcode maps and what it demands of prefixes and ModRM.
 *
 * @param map {@link OpcodeMap} number
 * @param opcode last opcode byte, the first of {@link #count}
 * @param count number of consecutive opcodes: 8 with a register in the opcode, 16 for conditions, else 1
 * @param modrm whether a ModRM byte follows
 * @param permitted permitted bits of {@link Match}
 */
record Encoding(int map, int opcode, int count, boolean modrm, long permitted) {
    /** Parses the manuals' notation, described in the decision record on the instruction table. */
    static Encoding parse(String text) {
        return new Parser(text).parse();
    }

    /** The encoding of the {@code i}th of its opcodes alone. */
    Encoding only(int i) {
        return new Encoding(map, opcode + i, 1, modrm, permitted);
    }

    /** Walks the notation's words from left to right. */
    private static final class Parser {
        private final String text;
        private int at;
        private int map = OpcodeMap.ONE_BYTE;
        private int opcode = -1;
        private int count = 1;
        private boolean modrm;
        private long permitted = Match.ALL;

        Parser(String text) {
            this.text = text;
        }

        Encoding parse() {
            while (at < text.length()) {
                int end = text.indexOf(' ', at);
                end = end < 0 ? text.length() : end;
                word(text.substring(at, end));
                at = end + 1;
            }
            return new Encoding(map, opcode, count, modrm, permitted);
        }

        private void word(String word) {
            char first = word.charAt(0);
            if (first == '/') {
                modrm = true;
                if (word.charAt(1) != 'r') {
                    restrict(Match.ANY_REG, 1L << (Match.REG + word.charAt(1) - '0'));
                }
            } else if (opcode >= 0 && map == OpcodeMap.ONE_BYTE && opcode == 0x0f) {
                escape(word);
            } else if (opcode >= 0) {
                fixedModrm(word);
            } else if (word.startsWith("VEX.") || word.startsWith("XOP.")) {
                vex(word);
            } else if (map != OpcodeMap.ONE_BYTE || !prefix(word)) {
                opcode(word);
            }
        }

        private void restrict(long group, long bits) {
            permitted &= ~group | bits;
        }

        private boolean prefix(String word) {
            switch (word) {
                case "NP" -> restrict(Match.ANY_PREFIX, Match.NO_PREFIX);
                case "66" -> restrict(Match.ANY_PREFIX, Match.PREFIX_66);
                case "F3" -> restrict(Match.ANY_PREFIX, Match.PREFIX_F3);
                case "F2" -> restrict(Match.ANY_PREFIX, Match.PREFIX_F2);
                case "NFx" -> restrict(Match.ANY_PREFIX, Match.NO_PREFIX | Match.PREFIX_66);
                case "REX.W", "W1" -> restrict(Match.ANY_W, 2L << Match.W);
                case "REX.W0", "W0" -> restrict(Match.ANY_W, 1L << Match.W);
                case "REX.B0" -> restrict(Match.ANY_B, 1L << Match.B);
                case "o16" -> restrict(Match.ANY_OPERAND, Match.size(Match.OPERAND, 16));
                case "o32" -> restrict(Match.ANY_OPERAND, Match.size(Match.OPERAND, 32));
                case "o64" -> restrict(Match.ANY_OPERAND, Match.size(Match.OPERAND, 64));
                case "a16" -> restrict(Match.ANY_ADDRESS, Match.size(Match.ADDRESS, 16));
                case "a32" -> restrict(Match.ANY_ADDRESS, Match.size(Match.ADDRESS, 32));
                case "a64" -> restrict(Match.ANY_ADDRESS, Match.size(Match.ADDRESS, 64));
                case "L128", "LZ" -> restrict(Match.ANY_LENGTH, 1L << Match.LENGTH);
                case "L256" -> restrict(Match.ANY_LENGTH, 2L << Match.LENGTH);
                default -> {
                    return false;
                }
            }
            return true;
        }

        private void opcode(String word) {
            opcode = Integer.parseInt(word, 0, 2, 16);
            if (word.endsWith("+r")) {
                count = 8;
            } else if (word.endsWith("+cc")) {
                count = 16;
            }
        }

        private void escape(String word) {
            int next = Integer.parseInt(word, 0, 2, 16);
            if (next == 0x38 || next == 0x3a) {
                map = next == 0x38 ? OpcodeMap.MAP_0F38 : OpcodeMap.MAP_0F3A;
                opcode = -1;
            } else {
                map = OpcodeMap.MAP_0F;
                opcode(word);
            }
        }

        private void fixedModrm(String word) {
            int value = Integer.parseInt(word, 0, 2, 16);
            modrm = true;
            restrict(Match.MEMORY, 0);
            restrict(Match.ANY_REG, 1L << (Match.REG + (value >> 3 & 7)));
            if (!word.endsWith("+i")) {
                restrict(Match.ANY_RM, 1L << (Match.RM + (value & 7)));
            }
        }

        private void vex(String word) {
            for (String part : word.substring(4).split("\\.")) {
                switch (part) {
                    case "0F" -> map = OpcodeMap.VEX + 1;
                    case "0F38" -> map = OpcodeMap.VEX + 2;
                    case "0F3A" -> map = OpcodeMap.VEX + 3;
                    case "128" -> prefix("L128");
                    case "256" -> prefix("L256");
                    case "LIG", "WIG" -> {}
                    default -> {
                        if (!prefix(part)) {
                            throw new IllegalArgumentException("encoding " + text);
                        }
                    }
                }
            }
        }
    }
}
