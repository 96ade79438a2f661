package nestbox.svm.world;

import nestbox.x86.Cpu;

/** What the state save area of SMM says of a guest that the SMI interrupted (APM Vol. 2, "SMRAM State-Save Area"). */
public final class SmmFields {
    private static final int GUEST_FLAG = 0x7ed8;
    private static final int GUEST_VMCB = 0x7ee0;
    private static final int GUEST_VIRTUAL_INTERRUPT = 0x7ee8;

    private SmmFields() {}

    /**
     * Writes them.
     *
     * @param area base of the area
     * @param control INTERRUPT_CONTROL
     */
    public static void store(Cpu c, long area, boolean guest, long vmcb, long control) {
        c.physical.write(area + GUEST_FLAG, 8, guest ? 1 : 0);
        c.physical.write(area + GUEST_VMCB, 8, guest ? vmcb : 0);
        c.physical.write(area + GUEST_VIRTUAL_INTERRUPT, 8, guest ? control : 0);
    }

    /** Whether RSM is to go back to a guest. */
    public static boolean guest(Cpu c, long area) {
        return (c.physical.read(area + GUEST_FLAG, 8) & 1) != 0;
    }

    /** Address of its VMCB. */
    public static long vmcb(Cpu c, long area) {
        return c.physical.read(area + GUEST_VMCB, 8);
    }

    /** INTERRUPT_CONTROL as it had it. */
    public static long virtualInterrupt(Cpu c, long area) {
        return c.physical.read(area + GUEST_VIRTUAL_INTERRUPT, 8);
    }
}
