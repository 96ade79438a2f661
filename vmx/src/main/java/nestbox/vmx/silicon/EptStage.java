package nestbox.vmx.silicon;

import java.util.EnumSet;
import java.util.Set;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Walker;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.mem.SecondStage;

/** EPT as the second stage of translation, and its exits (SDM Vol. 3, "The Extended Page Table Mechanism (EPT)"). */
final class EptStage {
    private static final long ACCESSED_DIRTY = 1 << 6;
    private static final long RESERVED = 0xf80;
    /** Marks modes under mode-based execute control. */
    private static final long MODE_BASED = 1 << 10;

    private static final int LOG_ENTRIES = 512;
    private static final int WALK_4 = 3;
    private static final int WALK_5 = 4;

    private static final long LINEAR_VALID = 1 << 7;
    private static final long TRANSLATED = 1 << 8;
    private static final long GUEST_USER = 1 << 9;
    private static final long GUEST_WRITABLE = 1 << 10;
    private static final long GUEST_EXECUTE_DISABLE = 1 << 11;
    private static final long SHADOW_STACK = 1 << 13;

    private final Vmx vmx;
    private final Cpu cpu;
    private final SecondStage stage = new SecondStage();
    /** By what of an EPTP decides, and mode-based execute control; L1 and L2 may alternate. */
    private final PagingMode[] modes = new PagingMode[32];

    private long present = -1;

    private final SecondStage.DirtyListener logger = this::log;
    private final SubPagePermissions subPages;

    /** The exit of a walk that the stage itself ended. */
    private ExitReason failure = ExitReason.PML_FULL;

    private long failureQualification;

    EptStage(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        stage.permissions.set(true, false, false, false, true);
        subPages = new SubPagePermissions(vmx, this);
    }

    /** The walk ends here, with an exit of its own. */
    void fail(ExitReason reason, long qualification) {
        failure = reason;
        failureQualification = qualification;
    }

    /** Whether VM entry would accept an EPTP (SDM Vol. 3, "VM-Execution Control Fields"). */
    boolean valid(long eptp) {
        int type = (int) eptp & 7;
        boolean typeGood = type == 0 && vmx.model.has(VmxFeature.EPT_UNCACHEABLE)
                || type == 6 && vmx.model.has(VmxFeature.EPT_WRITE_BACK);
        int length = (int) eptp >>> 3 & 7;
        boolean lengthGood = length == WALK_4 && vmx.model.has(VmxFeature.EPT_WALK_4)
                || length == WALK_5 && vmx.model.has(VmxFeature.EPT_WALK_5);
        boolean flags = (eptp & ACCESSED_DIRTY) == 0 || vmx.model.has(VmxFeature.EPT_ACCESSED_DIRTY);
        return typeGood && lengthGood && flags && (eptp & RESERVED) == 0 && eptp >>> cpu.features.physicalBits() == 0;
    }

    /** Page-modification logging (SDM Vol. 3, "Page-Modification Logging"); false if the log is full. */
    private boolean log(long guestPhysical) {
        long index = vmx.vmcs.get(VmcsField.GUEST_PML_INDEX);
        if (index >= LOG_ENTRIES) {
            fail(ExitReason.PML_FULL, 0);
            return false;
        }
        cpu.physical.write(vmx.vmcs.get(VmcsField.PML_ADDRESS) + 8 * index, 8, guestPhysical & ~0xfffL);
        vmx.vmcs.set(VmcsField.GUEST_PML_INDEX, index - 1);
        return true;
    }

    /** The stage of an EPTP that VM entry has accepted. */
    SecondStage stage(long eptp) {
        stage.subPages = vmx.controls.secondary(Controls.SUB_PAGES) ? subPages : null;
        stage.dirtyListener = vmx.controls.secondary(Controls.PML) ? logger : null;
        stage.tables = vmx.spaces.tables(eptp);
        boolean modeBased = vmx.controls.secondary(Controls.MODE_BASED_EXECUTE);
        if (eptp != present || modeBased != stage.executeByPage) {
            present = eptp;
            long bits = eptp & 0x78 | (modeBased ? MODE_BASED : 0);
            int index = (int) (bits >>> 3 & 15) | (modeBased ? 16 : 0);
            if (modes[index] == null) {
                modes[index] = mode(bits);
            }
            stage.mode = modes[index];
            if (modeBased && !stage.executeByPage) {
                stage.permissions.setModeBasedExecute();
            } else if (!modeBased && stage.executeByPage) {
                stage.permissions.set(true, false, false, false, true);
            }
            stage.executeByPage = modeBased;
            stage.root = eptp;
            boolean flags = (eptp & ACCESSED_DIRTY) != 0;
            stage.tableRead = flags ? Access.READ | Access.WRITE : Access.READ;
            boolean five = stage.mode.topLevel == 5;
            stage.addressBits = Math.min(five ? 57 : 48, cpu.features.physicalBits());
        }
        return stage;
    }

    private PagingMode mode(long bits) {
        Set<PagingFeature> set = EnumSet.noneOf(PagingFeature.class);
        add(set, PagingFeature.EPT_LARGE_PAGES, vmx.model.has(VmxFeature.EPT_2MB));
        add(set, PagingFeature.GIGABYTE_PAGES, vmx.model.has(VmxFeature.EPT_1GB));
        add(set, PagingFeature.EPT_EXECUTE_ONLY, vmx.model.has(VmxFeature.EPT_EXECUTE_ONLY));
        add(set, PagingFeature.EPT_ACCESSED_DIRTY, (bits & ACCESSED_DIRTY) != 0);
        add(set, PagingFeature.EPT_MODE_BASED_EXECUTE, (bits & MODE_BASED) != 0);
        PagingFormat format = (bits >>> 3 & 7) == WALK_5 ? PagingFormat.EPT_FIVE_LEVEL : PagingFormat.EPT;
        return new PagingMode(format, new PagingLimits(cpu.features.physicalBits(), 57, set));
    }

    private static void add(Set<PagingFeature> set, PagingFeature feature, boolean on) {
        if (on) {
            set.add(feature);
        }
    }

    /** Notes the exit that the access will make when it has unwound. */
    void refused(SecondStage from, long guestPhysical, long linear, int access, boolean ofTable) {
        Walker walker = from.walker;
        boolean known = linear != SecondStage.NO_LINEAR;
        if (walker.outcome == Walker.RESERVED) {
            vmx.prepared.note(ExitReason.EPT_MISCONFIG, 0, guestPhysical, known ? linear : 0);
            return;
        }
        if (walker.outcome == Walker.STAGE_FAILED) {
            vmx.prepared.note(
                    failure, failureQualification | vmx.events.unblocked(), guestPhysical, known ? linear : 0);
            return;
        }
        int rights = walker.outcome == Walker.NOT_PRESENT ? 0 : walker.rights & (from.executeByPage ? 15 : 7);
        long qualification = access & 7 | (long) rights << 3 | (known ? LINEAR_VALID : 0) | (ofTable ? 0 : TRANSLATED);
        if (!ofTable && vmx.model.has(VmxFeature.EPT_ADVANCED_EXIT_INFORMATION)) {
            qualification |= advanced(from.firstStageRights);
        }
        qualification |= (access & Access.SHADOW_STACK) != 0 ? SHADOW_STACK : 0;
        qualification |= vmx.events.unblocked();
        vmx.prepared.note(ExitReason.EPT_VIOLATION, qualification, guestPhysical, known ? linear : 0);
        if (vmx.controls.secondary(Controls.EPT_VE) && walker.entry >= 0) {
            vmx.prepared.convertible();
        }
    }

    private static long advanced(int rights) {
        return ((rights & Access.USER) != 0 ? GUEST_USER : 0)
                | ((rights & Access.WRITE) != 0 ? GUEST_WRITABLE : 0)
                | ((rights & Access.EXECUTE) == 0 ? GUEST_EXECUTE_DISABLE : 0);
    }
}
