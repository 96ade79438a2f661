package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** I/O and MSR bitmaps (SDM Vol. 3, "I/O-Bitmap Addresses", "MSR-Bitmap Address"). */
final class Bitmaps {
    private static final int PORTS_OF_A = 0x8000;
    private static final int LOW_END = 0x2000;
    private static final int HIGH = 0xc000_0000;
    private static final int HIGH_OFFSET = 1024;
    private static final int WRITE_OFFSET = 2048;

    private Bitmaps() {}

    /** Whether an access to ports causes an exit; one that wraps around FFFFh does. */
    static boolean port(Vmx vmx, int port, int bytes) {
        Controls controls = vmx.controls;
        if (!controls.primary(Controls.IO_BITMAPS)) {
            return controls.primary(Controls.IO_ALWAYS);
        }
        if (port + bytes > 0x10000) {
            return true;
        }
        for (int p = port; p < port + bytes; p++) {
            long map = vmx.vmcs.get(p < PORTS_OF_A ? VmcsField.IO_BITMAP_A : VmcsField.IO_BITMAP_B);
            if (bit(vmx.cpu, map, p & PORTS_OF_A - 1)) {
                return true;
            }
        }
        return false;
    }

    static boolean msr(Vmx vmx, int index, boolean write) {
        if (!vmx.controls.primary(Controls.MSR_BITMAPS)) {
            return true;
        }
        boolean low = Integer.compareUnsigned(index, LOW_END) < 0;
        boolean high = Integer.compareUnsigned(index - HIGH, LOW_END) < 0;
        if (!low && !high) {
            return true;
        }
        long map = vmx.vmcs.get(VmcsField.MSR_BITMAP) + (high ? HIGH_OFFSET : 0) + (write ? WRITE_OFFSET : 0);
        return bit(vmx.cpu, map, index & LOW_END - 1);
    }

    private static boolean bit(Cpu cpu, long map, int bit) {
        return (cpu.physical.read(map + (bit >>> 3), 1) >>> (bit & 7) & 1) != 0;
    }
}
