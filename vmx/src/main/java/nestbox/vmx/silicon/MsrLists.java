package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;

/** The MSR areas of VM entries and exits (SDM Vol. 3, "Loading MSRs", "Saving MSRs"). */
final class MsrLists {
    private static final int ENTRY = 16;
    private static final int FS_BASE = 0xc000_0100;
    private static final int GS_BASE = 0xc000_0101;
    private static final int SMM_MONITOR_CTL = 0x9b;

    /** The list of VM entry. */
    static final Loaded ENTRY_LIST = new Loaded(VmcsField.VM_ENTRY_MSR_LOAD_ADDR, VmcsField.VM_ENTRY_MSR_LOAD_COUNT);
    /** The list that VM exit loads. */
    static final Loaded EXIT_LIST = new Loaded(VmcsField.VM_EXIT_MSR_LOAD_ADDR, VmcsField.VM_EXIT_MSR_LOAD_COUNT);

    /** The fields of a list. */
    record Loaded(VmcsField area, VmcsField number) {}

    private final Vmx vmx;
    private final Cpu cpu;

    MsrLists(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** Loads a list; the number of the entry that fails, from 1, or 0. */
    int load(Loaded list) {
        return load(list, Long.MAX_VALUE);
    }

    /** As {@link #load(Loaded)}, the first {@code most} entries. */
    int load(Loaded list, long most) {
        int count = (int) Math.min(vmx.vmcs.get(list.number), most);
        long address = vmx.vmcs.get(list.area);
        for (int i = 0; i < count; i++) {
            long at = address + (long) i * ENTRY;
            int index = (int) cpu.physical.read(at, 4);
            boolean refused =
                    cpu.physical.read(at + 4, 4) != 0 || index == FS_BASE || index == GS_BASE || special(index);
            if (refused || !write(index, cpu.physical.read(at + 8, 8))) {
                return i + 1;
            }
        }
        return 0;
    }

    private static boolean special(int index) {
        return index >>> 8 == 8 || index == SMM_MONITOR_CTL;
    }

    private boolean write(int index, long value) {
        try {
            cpu.msrs.write(index, value);
            return true;
        } catch (GuestFault refused) {
            return false;
        }
    }

    /** Stores the VM-exit list; false if an MSR cannot be read. */
    boolean store() {
        int count = (int) vmx.vmcs.get(VmcsField.VM_EXIT_MSR_STORE_COUNT);
        long address = vmx.vmcs.get(VmcsField.VM_EXIT_MSR_STORE_ADDR);
        for (int i = 0; i < count; i++) {
            long at = address + (long) i * ENTRY;
            int index = (int) cpu.physical.read(at, 4);
            if (cpu.physical.read(at + 4, 4) != 0 || special(index)) {
                return false;
            }
            try {
                cpu.physical.write(at + 8, 8, cpu.msrs.read(index));
            } catch (GuestFault refused) {
                return false;
            }
        }
        return true;
    }
}
