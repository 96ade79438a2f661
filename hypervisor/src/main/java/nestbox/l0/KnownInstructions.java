package nestbox.l0;

import nestbox.x86.engine.RootDoor;
import nestbox.x86.insn.Insn;

/**
 * Instructions of 64-bit code that an exit and its length name without a look at the guest's code, decoded: without prefixes there
 * is one encoding of that length. As KVM does, L0 then neither fetches nor decodes.
 */
public final class KnownInstructions {
    private final RootDoor door;
    /** IN and OUT by DX, by log2 of their bytes. */
    private final Insn[] in = new Insn[3];

    private final Insn[] out = new Insn[3];

    public KnownInstructions(HostProcessor host) {
        door = host.door();
        in[0] = decoded("in al, dx");
        in[2] = decoded("in eax, dx");
        out[0] = decoded("out dx, al");
        out[2] = decoded("out dx, eax");
    }

    public Insn decoded(String source) {
        return door.instruction(source);
    }

    /** IN or OUT of one byte's length, which takes the port from DX; null if it has another operand size. */
    public Insn port(boolean input, int bytes) {
        int size = Integer.numberOfTrailingZeros(bytes);
        return input ? in[size] : out[size];
    }
}
