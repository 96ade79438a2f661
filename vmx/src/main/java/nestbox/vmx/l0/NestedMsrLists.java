package nestbox.vmx.l0;

import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;

/** vmcs12's MSR areas, as L0 processes them with the guest's own MSRs (SDM Vol. 3, "Loading MSRs", "Saving MSRs"). */
final class NestedMsrLists {
    private static final int ENTRY = 16;
    private static final int FS_BASE = 0xc000_0100;
    private static final int GS_BASE = 0xc000_0101;
    private static final int SMM_MONITOR_CTL = 0x9b;

    private final Cpu cpu;

    NestedMsrLists(Cpu cpu) {
        this.cpu = cpu;
    }

    private static boolean special(int index) {
        return index >>> 8 == 8 || index == SMM_MONITOR_CTL;
    }

    /** The number of the entry that fails, from 1, or 0. */
    int load(Vmcs vmcs, VmcsField area, VmcsField number) {
        int count = (int) vmcs.get(number);
        long address = vmcs.get(area);
        for (int i = 0; i < count; i++) {
            long at = address + (long) i * ENTRY;
            int index = (int) cpu.physical.read(at, 4);
            boolean refused =
                    cpu.physical.read(at + 4, 4) != 0 || index == FS_BASE || index == GS_BASE || special(index);
            try {
                if (refused) {
                    return i + 1;
                }
                cpu.msrs.write(index, cpu.physical.read(at + 8, 8));
            } catch (GuestFault fault) {
                return i + 1;
            }
        }
        return 0;
    }

    /** False if an MSR cannot be read. */
    boolean store(Vmcs vmcs) {
        int count = (int) vmcs.get(VmcsField.VM_EXIT_MSR_STORE_COUNT);
        long address = vmcs.get(VmcsField.VM_EXIT_MSR_STORE_ADDR);
        for (int i = 0; i < count; i++) {
            long at = address + (long) i * ENTRY;
            int index = (int) cpu.physical.read(at, 4);
            if (cpu.physical.read(at + 4, 4) != 0 || special(index)) {
                return false;
            }
            try {
                cpu.physical.write(at + 8, 8, cpu.msrs.read(index));
            } catch (GuestFault fault) {
                return false;
            }
        }
        return true;
    }
}
