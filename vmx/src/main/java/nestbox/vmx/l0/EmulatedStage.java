package nestbox.vmx.l0;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import nestbox.mmu.core.NestedFault;
import nestbox.mmu.core.Ngpa;
import nestbox.mmu.core.PfError;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Walker;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.mem.SecondStage;
import nestbox.x86.mem.TranslationControl;

/** EPT12 as the emulator walks it for L2's instructions. */
final class EmulatedStage {
    private static final long ACCESSED_DIRTY = 1 << 6;
    /** EPTP[5:3]: one less than the levels. */
    private static final long LENGTH = 7 << 3;

    private static final long FIVE_LEVELS = 4 << 3;
    /** Any tag but the host's: the emulator caches nothing under it. */
    private static final long SPACE = 1;

    private final NestedVmx vmx;
    private final SecondStage stage = new SecondStage();
    private final Map<Long, PagingMode> modes = new HashMap<>();
    private NestedFault due;

    EmulatedStage(NestedVmx vmx) {
        this.vmx = vmx;
        stage.permissions.set(true, false, false, false, true);
    }

    private TranslationControl control() {
        return vmx.cpu.mem.port().control();
    }

    void enter() {
        if (!vmx.controls.ept()) {
            return;
        }
        long eptp = vmx.controls.eptp;
        stage.mode = modes.computeIfAbsent(eptp & (LENGTH | ACCESSED_DIRTY), this::mode);
        stage.root = eptp;
        stage.tableRead = (eptp & ACCESSED_DIRTY) != 0 ? Access.READ | Access.WRITE : Access.READ;
        stage.dirtyListener = vmx.controls.secondary(VmxFeature.ENABLE_PML) ? vmx.functions::logDirty : null;
        stage.addressBits = Math.min(fiveLevels(eptp) ? 57 : 48, vmx.cpu.features.physicalBits());
        control().enterSpace(SPACE, stage);
    }

    void leave() {
        control().enterSpace(0, null);
    }

    private PagingMode mode(long bits) {
        Set<PagingFeature> set = EnumSet.noneOf(PagingFeature.class);
        if (vmx.has(VmxFeature.EPT_2MB)) {
            set.add(PagingFeature.EPT_LARGE_PAGES);
        }
        if (vmx.has(VmxFeature.EPT_1GB)) {
            set.add(PagingFeature.GIGABYTE_PAGES);
        }
        if (vmx.has(VmxFeature.EPT_EXECUTE_ONLY)) {
            set.add(PagingFeature.EPT_EXECUTE_ONLY);
        }
        if ((bits & ACCESSED_DIRTY) != 0) {
            set.add(PagingFeature.EPT_ACCESSED_DIRTY);
        }
        PagingFormat format = fiveLevels(bits) ? PagingFormat.EPT_FIVE_LEVEL : PagingFormat.EPT;
        return new PagingMode(format, new PagingLimits(vmx.cpu.features.physicalBits(), 57, set));
    }

    private static boolean fiveLevels(long eptp) {
        return (eptp & LENGTH) == FIVE_LEVELS;
    }

    /** Notes the exit that is made when the access has unwound. */
    void refused(long guestPhysical, long linear, int access, boolean ofTable) {
        Walker walker = stage.walker;
        NestedFault.Kind kind = switch (walker.outcome) {
            case Walker.RESERVED -> NestedFault.Kind.EPT_MISCONFIG;
            case Walker.STAGE_FAILED -> NestedFault.Kind.PML_FULL;
            default -> NestedFault.Kind.EPT_VIOLATION;
        };
        int rights = walker.outcome == Walker.NOT_PRESENT ? 0 : walker.rights & 7;
        vmx.vmcs12.set(VmcsField.GUEST_LINEAR_ADDRESS, linear == SecondStage.NO_LINEAR ? 0 : linear);
        due = new NestedFault(kind, new Ngpa(guestPhysical), access & 7, rights, ofTable, 0, false);
    }

    void unwound() {
        NestedFault fault = due;
        due = null;
        vmx.vcpu.nestedPageFault(fault, errorCode(fault));
    }

    /** As an exit by the fault would be decoded. */
    private static long errorCode(NestedFault fault) {
        if (fault.kind() == NestedFault.Kind.EPT_MISCONFIG) {
            return PfError.RSVD;
        }
        int access = fault.access();
        return ((access & Access.READ) != 0 ? PfError.USER : 0)
                | ((access & Access.WRITE) != 0 ? PfError.WRITE : 0)
                | ((access & Access.EXECUTE) != 0 ? PfError.FETCH : 0)
                | (fault.rights() != 0 ? PfError.PRESENT : 0)
                | (fault.ofTable() ? PfError.GUEST_PAGE : PfError.GUEST_FINAL);
    }
}
