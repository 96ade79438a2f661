package nestbox.x86.insn;

import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** Handlers of what does not execute: undefined, too long, and known but not implemented instructions. */
final class Refusal {
    static final Handler UNDEFINED = new Undefined();
    static final Handler TOO_LONG = new TooLong();

    private Refusal() {}

    private static final class Undefined implements Handler {
        @Override
        public void execute(Cpu cpu, Insn in) {
            throw cpu.raise(Vector.UD);
        }
    }

    /** SDM Vol. 2, "Intel 64 and IA-32 Instruction Format": an instruction of more than 15 bytes raises #GP(0). */
    private static final class TooLong implements Handler {
        @Override
        public void execute(Cpu cpu, Insn in) {
            throw cpu.raise(Vector.GP, 0);
        }
    }

    /** Stops the run: this CPU model has the instruction, Nestbox does not. */
    static final class Unimplemented implements Handler {
        private final String bytes;

        Unimplemented(byte[] code, int from, int to) {
            StringBuilder text = new StringBuilder();
            for (int i = from; i < to; i++) {
                text.append(i == from ? "" : " ").append(Character.forDigit(code[i] >> 4 & 15, 16));
                text.append(Character.forDigit(code[i] & 15, 16));
            }
            bytes = text.toString();
        }

        @Override
        public void execute(Cpu cpu, Insn in) {
            String where = "%04x:%x, bytes %s, %d-bit code, CPL %d"
                    .formatted(cpu.selector[Reg.CS], cpu.wrapRip(cpu.rip - in.length), bytes, in.codeSize, cpu.cpl);
            throw new UnsupportedFeatureException("instruction " + in.form, "at " + where);
        }
    }
}
