package nestbox.vmx.l0;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.HostFrames;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;

/**
 * L0's own use of VMCS shadowing: while L1 runs, its VMREAD and VMWRITE of the fields that matter at every exit go to a shadow VMCS
 * and cause none (facts D.11; SDM Vol. 3, "VMCS Types: Ordinary and Shadow"). Fields are copied to it after an exit from L2 and back
 * before an entry; which they are is KVM's choice.
 */
final class ShadowVmcs {
    private static final List<VmcsField> READ_ONLY = List.of(
            VmcsField.VM_EXIT_REASON,
            VmcsField.EXIT_QUALIFICATION,
            VmcsField.VM_EXIT_INTR_INFO,
            VmcsField.VM_EXIT_INTR_ERROR_CODE,
            VmcsField.VM_EXIT_INSTRUCTION_LEN,
            VmcsField.IDT_VECTORING_INFO_FIELD,
            VmcsField.IDT_VECTORING_ERROR_CODE,
            VmcsField.GUEST_LINEAR_ADDRESS,
            VmcsField.GUEST_PHYSICAL_ADDRESS);
    private static final List<VmcsField> READ_WRITE = List.of(
            VmcsField.CPU_BASED_VM_EXEC_CONTROL,
            VmcsField.EXCEPTION_BITMAP,
            VmcsField.VM_ENTRY_INTR_INFO,
            VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE,
            VmcsField.VM_ENTRY_INSTRUCTION_LEN,
            VmcsField.TPR_THRESHOLD,
            VmcsField.GUEST_INTERRUPTIBILITY_INFO,
            VmcsField.GUEST_ACTIVITY_STATE,
            VmcsField.VMX_PREEMPTION_TIMER_VALUE,
            VmcsField.GUEST_PML_INDEX,
            VmcsField.GUEST_INTR_STATUS,
            VmcsField.GUEST_RIP,
            VmcsField.GUEST_RSP,
            VmcsField.GUEST_RFLAGS,
            VmcsField.GUEST_CR0,
            VmcsField.GUEST_CR3,
            VmcsField.GUEST_CR4,
            VmcsField.CR0_GUEST_HOST_MASK,
            VmcsField.CR0_READ_SHADOW,
            VmcsField.CR4_READ_SHADOW,
            VmcsField.HOST_FS_SELECTOR,
            VmcsField.HOST_GS_SELECTOR,
            VmcsField.HOST_FS_BASE,
            VmcsField.HOST_GS_BASE);
    private static final int BITMAP_BYTES = 4096;

    private final NestedVmx vmx;
    private final VmxBackend backend;
    private final boolean possible;
    private final VmcsField[] readOnly;
    private final VmcsField[] readWrite;
    private final int[] readWriteOrdinals;
    private final Set<VmcsField> shadowed = EnumSet.noneOf(VmcsField.class);
    private final HardwareVmcs shadow;
    private final long readBitmap;
    private final long writeBitmap;
    /** vmcs01 has the shadow VMCS linked. */
    private boolean linked;
    /** vmcs12 has changed since the shadow VMCS was written. */
    private boolean stale;

    ShadowVmcs(NestedVmx vmx, long revision) {
        this.vmx = vmx;
        backend = vmx.backend;
        possible = backend.controls().allows(VmxFeature.VMCS_SHADOWING)
                && vmx.vcpu.hypervisor().config().nested().applies(NestedPolicy.VMCS_SHADOWING);
        HostFrames frames = vmx.vcpu.hypervisor().host().frames();
        Set<VmxFeature> silicon = backend.controls().features();
        readOnly = both(READ_ONLY, silicon);
        readWrite = both(READ_WRITE, silicon);
        readWriteOrdinals = VmcsDoor.ordinals(readWrite);
        shadowed.addAll(List.of(readOnly));
        shadowed.addAll(List.of(readWrite));
        if (possible) {
            long region = frames.allocate();
            frames.write(region, 4, revision | VmcsLayout.SHADOW_INDICATOR & 0xffffffffL);
            shadow = new HardwareVmcs(region, 0);
            writeBitmap = bitmap(frames);
            readBitmap = bitmap(frames);
            pass(frames, readBitmap, readOnly);
            pass(frames, readBitmap, readWrite);
            pass(frames, writeBitmap, readWrite);
        } else {
            shadow = null;
            readBitmap = 0;
            writeBitmap = 0;
        }
    }

    /** The fields that L1's model and the silicon have. */
    private VmcsField[] both(List<VmcsField> fields, Set<VmxFeature> silicon) {
        return fields.stream()
                .filter(field -> vmx.model.has(field) && field.exists(silicon))
                .toArray(VmcsField[]::new);
    }

    private static long bitmap(HostFrames frames) {
        long page = frames.allocate();
        for (int i = 0; i < BITMAP_BYTES; i += 8) {
            frames.write64(page + i, -1);
        }
        return page;
    }

    /** Also for the upper halves of 64-bit fields, which have encodings of their own. */
    private static void pass(HostFrames frames, long bitmap, VmcsField[] fields) {
        for (VmcsField field : fields) {
            int halves = field.width() == VmcsField.Width.BITS_64 ? 2 : 1;
            for (int i = 0; i < halves; i++) {
                int encoding = field.encoding() + i;
                long at = bitmap + (encoding >>> 3);
                frames.write(at, 1, frames.read(at, 1) & ~(1L << (encoding & 7)));
            }
        }
    }

    /** Another vmcs12 is current, or none, or it came from outside; the former one has been {@link #pull}ed. */
    void currentChanged() {
        stale = possible;
    }

    /** vmcs01 was made anew. */
    void unlinked() {
        linked = false;
        currentChanged();
    }

    boolean shadows(VmcsField field) {
        return linked && shadowed.contains(field);
    }

    /** Takes what L1 has written into vmcs12. */
    void pull() {
        if (!linked || stale) {
            return;
        }
        VmcsDoor door = backend.door();
        door.load(shadow);
        door.forget(readWriteOrdinals);
        for (VmcsField field : readWrite) {
            vmx.vmcs12.set(field, door.read(field));
        }
        door.load(backend.vmcs01());
        stale = true;
    }

    /** What L1 reads without an exit, and cannot have written, must be vmcs12's. */
    void disagreements(List<String> wrong) {
        if (!linked || stale) {
            return;
        }
        Vmcs held = NestedVmx.region(shadow.region);
        held.load(vmx.vcpu.hypervisor().host().memory());
        for (VmcsField field : readOnly) {
            if (held.get(field) != vmx.vmcs12.get(field)) {
                wrong.add(NestedVmxInvariants.line(
                        "the shadow VMCS", field, held.get(field), "vmcs12", vmx.vmcs12.get(field)));
            }
        }
    }

    /** L1 is about to run. */
    void push() {
        if (!stale) {
            return;
        }
        stale = false;
        boolean wanted = vmx.vmcs12 != null && !vmx.vmcs12.shadow();
        if (wanted != linked) {
            linked = wanted;
            backend.linkShadow(wanted ? shadow.region : -1, readBitmap, writeBitmap);
        }
        if (!wanted) {
            return;
        }
        VmcsDoor door = backend.door();
        door.load(shadow);
        for (VmcsField field : readOnly) {
            door.write(field, vmx.vmcs12.get(field));
        }
        for (VmcsField field : readWrite) {
            door.write(field, vmx.vmcs12.get(field));
        }
        door.load(backend.vmcs01());
    }
}
