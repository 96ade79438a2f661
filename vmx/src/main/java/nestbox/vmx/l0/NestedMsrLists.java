package nestbox.vmx.l0;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.NestedPolicy;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;

/** vmcs12's MSR areas, as L0 processes them with the guest's own MSRs (SDM Vol. 3, "Loading MSRs", "Saving MSRs"). */
final class NestedMsrLists {
    private static final int ENTRY = 16;
    private static final int FS_BASE = 0xc000_0100;
    private static final int GS_BASE = 0xc000_0101;
    private static final int BIOS_UPDT_TRIG = 0x79;
    private static final int BIOS_SIGN_ID = 0x8b;
    private static final int SMM_MONITOR_CTL = 0x9b;

    private final Cpu cpu;
    /** MSRs that {@link #loadNoting} has loaded, in order, and what they held before. */
    private final List<long[]> noted = new ArrayList<>();

    NestedMsrLists(Cpu cpu) {
        this.cpu = cpu;
    }

    /** As {@link #load} of the entry list, so that {@link #undo} can follow. Of a list that is too long the first too many fails. */
    int loadNoting(Vmcs vmcs) {
        noted.clear();
        int count = (int) vmcs.get(VmcsField.VM_ENTRY_MSR_LOAD_COUNT);
        long address = vmcs.get(VmcsField.VM_ENTRY_MSR_LOAD_ADDR);
        for (int i = 0; i < count; i++) {
            long at = address + (long) i * ENTRY;
            int index = (int) cpu.physical.read(at, 4);
            long[] before = before(index);
            if (i >= VmxCapability.MSR_LIST_MAXIMUM || !loadEntry(at)) {
                // What was loaded before it stays.
                noted.clear();
                return i + 1;
            }
            if (before != null) {
                noted.add(before);
            }
        }
        return 0;
    }

    /** Null for an MSR that cannot be read. */
    private long[] before(int index) {
        try {
            return new long[] {index, cpu.msrs.read(index)};
        } catch (GuestFault fault) {
            return null;
        }
    }

    /** Puts back what {@link #loadNoting} loaded: as a snapshot, or by KVM's guess from the exit list (facts D.7). */
    void undo(Vmcs vmcs, NestedPolicy.VmfailMsr policy) {
        if (policy == NestedPolicy.VmfailMsr.NONE) {
            return;
        }
        for (int i = noted.size() - 1; i >= 0; i--) {
            long[] entry = noted.get(i);
            if (policy == NestedPolicy.VmfailMsr.SNAPSHOT) {
                write((int) entry[0], entry[1]);
            } else {
                byExitList(vmcs, (int) entry[0]);
            }
        }
        noted.clear();
    }

    void save(StateWriter out) {
        out.writeInt(noted.size());
        noted.forEach(out::writeLongs);
    }

    void restore(StateReader in) {
        noted.clear();
        for (int i = in.readCount(); i > 0; i--) {
            long[] entry = new long[2];
            in.readLongs(entry);
            noted.add(entry);
        }
    }

    private void byExitList(Vmcs vmcs, int index) {
        int count = (int) vmcs.get(VmcsField.VM_EXIT_MSR_LOAD_COUNT);
        long address = vmcs.get(VmcsField.VM_EXIT_MSR_LOAD_ADDR);
        for (int i = 0; i < count; i++) {
            long at = address + (long) i * ENTRY;
            if ((int) cpu.physical.read(at, 4) == index) {
                write(index, cpu.physical.read(at + 8, 8));
                return;
            }
        }
    }

    private boolean write(int index, long value) {
        try {
            cpu.msrs.write(index, value);
            return true;
        } catch (GuestFault fault) {
            return false;
        }
    }

    private static boolean special(int index) {
        return index >>> 8 == 8 || index == SMM_MONITOR_CTL;
    }

    /** The number of the entry that fails, from 1, or 0. */
    int load(Vmcs vmcs, VmcsField area, VmcsField number) {
        int count = (int) vmcs.get(number);
        long address = vmcs.get(area);
        for (int i = 0; i < count; i++) {
            if (!loadEntry(address + (long) i * ENTRY)) {
                return i + 1;
            }
        }
        return 0;
    }

    private boolean loadEntry(long at) {
        int index = (int) cpu.physical.read(at, 4);
        boolean refused = cpu.physical.read(at + 4, 4) != 0
                || index == FS_BASE
                || index == GS_BASE
                || special(index)
                || index == BIOS_SIGN_ID
                || index == BIOS_UPDT_TRIG;
        return !refused && write(index, cpu.physical.read(at + 8, 8));
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
