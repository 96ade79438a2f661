package nestbox.svm.l0;

import java.util.Locale;
import java.util.function.Predicate;
import nestbox.l0.NestedState;
import nestbox.mmu.memory.LittleEndian;
import nestbox.svm.check.VmrunCheck;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/** What KVM_SET_NESTED_STATE demands of an SVM state, in KVM's order (facts E.5). */
enum SvmStateCheck {
    RUN_PENDING("a pending entry needs guest mode", c -> !c.state.has(NestedState.RUN_PENDING) || c.guestMode()),
    FORMAT("the format is SVM's", c -> c.state.format() == NestedState.FORMAT_SVM),
    FLAGS("no flag but guest mode, pending entry and GIF is set", c -> (c.state.flags() & ~SvmNestedState.FLAGS) == 0),
    SVME(
            "with EFER.SVME clear no flag but GIF is set",
            c -> (c.cpu.efer & Cpu.EFER_SVME) != 0 || (c.state.flags() & ~NestedState.GIF_SET) == 0),
    SMM("in SMM there is no guest mode", c -> !c.cpu.smm || !c.guestMode()),
    VMCB_ADDRESS("vmcb12 is a page of the address space", c -> !c.guestMode() || c.page()),
    SIZE("guest mode needs a VMCB", c -> !c.guestMode() || c.state.size() >= NestedState.HEADER + NestedState.PAGE),
    CONTROLS("the controls are such as VMRUN takes", c -> !c.guestMode() || c.passes(c.controls(), false)),
    CACHE_CONTROL(
            "L2's CR0 has not NW set and CD clear",
            c -> !c.guestMode() || (c.cpu.cr0 & (Cpu.CR0_CD | Cpu.CR0_NW)) != Cpu.CR0_NW),
    L1_PAGING(
            "L1 has paging on",
            c -> !c.guestMode() || (c.save(VmcbField.CR0) & (Cpu.CR0_PG | Cpu.CR0_PE)) == (Cpu.CR0_PG | Cpu.CR0_PE)),
    L1_VIRTUAL_8086(
            "L1 is not in virtual-8086 mode", c -> !c.guestMode() || (c.save(VmcbField.RFLAGS) & Flags.VM) == 0),
    L1_STATE("L1's registers are such as VMRUN takes", c -> !c.guestMode() || c.passes(c.controls(), true));

    /** What the rows look at. */
    static final class Context {
        final NestedState state;
        final Cpu cpu;
        private final NestedSvm svm;
        private Vmcb12 copy;

        Context(NestedSvm svm, NestedState state) {
            this.svm = svm;
            this.state = state;
            cpu = svm.cpu;
        }

        boolean guestMode() {
            return state.has(NestedState.GUEST_MODE);
        }

        long address() {
            return state.get(SvmNestedState.VMCB_PA, 8);
        }

        boolean page() {
            return (address() & 0xfff) == 0 && address() >>> cpu.features.physicalBits() == 0;
        }

        /** Controls and L1's state, which lies where a VMCB has the guest's. */
        Vmcb12 controls() {
            if (copy == null) {
                copy = new Vmcb12(svm.cpu);
                Vmcb data = copy.copy();
                byte[] page = state.page(0);
                for (int at = 0; at + 8 <= Vmcb.USED; at += 8) {
                    data.set(at, 8, LittleEndian.get(page, at, 8));
                }
                copy.withhold();
            }
            return copy;
        }

        long save(VmcbField field) {
            return controls().get(field);
        }

        boolean passes(Vmcb12 vmcb, boolean saveArea) {
            for (VmrunCheck row : VmrunChecks.rows()) {
                boolean ofState =
                        !row.segments().isEmpty() || row.fields().stream().anyMatch(VmcbField::inSaveArea);
                if (ofState == saveArea && !row.passes(vmcb)) {
                    return false;
                }
            }
            return true;
        }
    }

    private final String meaning;
    private final Predicate<Context> holds;

    SvmStateCheck(String meaning, Predicate<Context> holds) {
        this.meaning = meaning;
        this.holds = holds;
    }

    String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static void run(Context context) {
        for (SvmStateCheck row : values()) {
            if (!row.holds.test(context)) {
                throw NestedState.refused(row.id(), row.meaning);
            }
        }
    }
}
