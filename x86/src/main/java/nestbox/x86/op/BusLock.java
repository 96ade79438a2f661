package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * A locked instruction whose operand crosses cache lines locks the bus, of which the virtualization extension hears behind the
 * instruction (SDM Vol. 3, "Bus Locking"). Memory has no types here, so that locked accesses to uncached memory pass unseen; so do
 * the processor's own ones, to accessed flags of descriptors.
 */
public final class BusLock implements Handler {
    private static final int LINE = 64;

    private final Handler locked;
    /** The operand is a bit of a string, and lies where the bit offset in a register says. */
    private final boolean bitString;

    private BusLock(Handler locked, boolean bitString) {
        this.locked = locked;
        this.bitString = bitString;
    }

    /** {@code handler}, or one that does the same and tells of bus locks if the instruction can cause them. */
    public static Handler watch(Insn in, Handler handler) {
        boolean locks = in.lock || in.form.mnemonic().equals("XCHG");
        if (!in.memory || !locks) {
            return handler;
        }
        return new BusLock(handler, in.form.mnemonic().startsWith("BT") && Kinds.isReg(in, 1));
    }

    @Override
    public void execute(Cpu c, Insn in) {
        VirtualizationExtension extension = c.extension;
        // The operand's address may depend on what the instruction changes.
        boolean split = extension != null && extension.detectsBusLocks() && splits(c, in);
        locked.execute(c, in);
        if (split) {
            extension.busLocked(c);
        }
    }

    private boolean splits(Cpu c, Insn in) {
        int bytes = in.rmSize >> 3;
        long linear = bitString ? BitTests.linear(c, in, false, true) : Operands.linear(c, in, bytes, true);
        return (linear & LINE - 1) + bytes > LINE;
    }
}
