package nestbox.vmx.silicon;

import java.util.Arrays;
import nestbox.vmx.check.CheckMemo;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/**
 * Copies of the VMCSs that were current last, so that a hypervisor that goes to and fro between two does not load them each time
 * (SDM Vol. 3, "Software Use of Virtual-Machine Control Structures": a processor may maintain several active VMCSs). All but the
 * current one are as memory has them: nothing of this is saved.
 */
final class ActiveVmcs {
    private static final int COPIES = 4;

    private static final class Copy {
        final Vmcs vmcs;
        final CheckMemo memo = new CheckMemo();

        Copy(Vmcs vmcs) {
            this.vmcs = vmcs;
        }
    }

    private final Cpu cpu;
    /** The one that was current last comes first. */
    private final Copy[] copies = new Copy[COPIES];

    ActiveVmcs(Cpu cpu) {
        this.cpu = cpu;
    }

    private int find(long address) {
        for (int i = 0; i < COPIES; i++) {
            if (copies[i] != null && copies[i].vmcs.address() == address) {
                return i;
            }
        }
        return COPIES;
    }

    /** The VMCS at an address, which becomes the first. */
    Vmcs get(long address) {
        int at = find(address);
        Copy copy;
        if (at == COPIES) {
            at = COPIES - 1;
            copy = new Copy(new Vmcs(address, EntryChecks.readers()));
            copy.vmcs.load(cpu.physical);
        } else {
            copy = copies[at];
        }
        System.arraycopy(copies, 0, copies, 1, at);
        copies[0] = copy;
        return copy.vmcs;
    }

    /** Takes a copy that came from elsewhere as the first. */
    void put(Vmcs vmcs) {
        forgetAll();
        copies[0] = new Copy(vmcs);
    }

    /** What is known of the checks on the first. */
    CheckMemo memo() {
        return copies[0].memo;
    }

    /** A field was written in memory, as the guest writes to its shadow VMCS. */
    void written(long address, VmcsField field, long value) {
        int at = find(address);
        if (at < COPIES) {
            copies[at].vmcs.set(field, value);
        }
    }

    /** VMCLEAR. */
    void forget(long address) {
        int at = find(address);
        if (at < COPIES) {
            System.arraycopy(copies, at + 1, copies, at, COPIES - 1 - at);
            copies[COPIES - 1] = null;
        }
    }

    void forgetAll() {
        Arrays.fill(copies, null);
    }
}
