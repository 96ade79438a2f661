package nestbox.vmx.l0;

import java.util.Locale;
import java.util.function.Predicate;
import nestbox.l0.NestedState;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;

/** What KVM_SET_NESTED_STATE demands of a VMX state, in KVM's order (facts D.10). */
enum VmxStateCheck {
    UNKNOWN_FLAGS("no unknown flag is set", c -> (c.state.flags() & ~VmxNestedState.FLAGS) == 0),
    RUN_PENDING("a pending entry needs guest mode", c -> !c.state.has(NestedState.RUN_PENDING) || c.guestMode()),
    FORMAT("the format is VMX's", c -> c.state.format() == NestedState.FORMAT_VMX),
    OFF_SMM("without VMX operation the SMM flags are 0", c -> c.on() || c.smmFlags() == 0),
    OFF_VMCS12("without VMX operation no VMCS is current", c -> c.on() || c.vmcs12() == NestedVmx.NONE),
    OFF_FLAGS(
            "without VMX operation no flag but EVMCS is set",
            c -> c.on() || (c.state.flags() & ~NestedState.EVMCS) == 0),
    VMXON_ADDRESS("the VMXON pointer is a page of the address space", c -> !c.on() || c.page(c.vmxon())),
    SMM_OR_GUEST_MODE(
            "guest mode and guest mode before SMM exclude each other",
            c -> !c.guestMode() || (c.smmFlags() & VmxNestedState.SMM_GUEST_MODE) == 0),
    SMM_FLAGS("no unknown SMM flag is set", c -> (c.smmFlags() & ~VmxNestedState.SMM_FLAGS) == 0),
    HEADER_FLAGS("no unknown header flag is set", c -> (c.headerFlags() & ~VmxNestedState.DEADLINE_VALID) == 0),
    IN_SMM(
            "in SMM there is neither guest mode nor a pending entry",
            c -> !c.inSmm() || (c.state.flags() & (NestedState.GUEST_MODE | NestedState.RUN_PENDING)) == 0),
    OUTSIDE_SMM("outside SMM the SMM flags are 0", c -> c.inSmm() || c.smmFlags() == 0),
    SMM_VMXON(
            "guest mode before SMM needs VMX operation before SMM",
            c -> (c.smmFlags() & VmxNestedState.SMM_GUEST_MODE) == 0 || (c.smmFlags() & VmxNestedState.SMM_VMXON) != 0),
    EVMCS("enlightened VMCSs are not offered", c -> !c.state.has(NestedState.EVMCS)),

    SIZE_VMCS12(
            "without a vmcs12 none is current and no flag needs one",
            true,
            c -> c.hasVmcs12() || c.vmcs12() == NestedVmx.NONE && c.state.flags() == 0),
    VMCS12_ADDRESS(
            "the current VMCS is a page of the address space and not the VMXON region",
            true,
            c -> !c.current() || c.page(c.vmcs12()) && c.vmcs12() != c.vmxon()),
    REVISION(
            "vmcs12 has the revision that L0 shows",
            true,
            c -> !c.current() || c.copy.revision() == NestedVmxProvider.REVISION),
    SIZE_SHADOW(
            "with a VMCS link pointer there is a shadow vmcs12",
            true,
            c -> !c.needsShadow() || c.state.size() >= NestedState.HEADER + 2 * NestedState.PAGE),
    SHADOW_REVISION(
            "the shadow vmcs12 has the revision that L0 shows, and the bit of a shadow VMCS",
            true,
            c -> !c.needsShadow()
                    || c.shadow().revision() == NestedVmxProvider.REVISION
                            && c.shadow().shadow());

    /** What the rows look at. */
    static final class Context {
        final NestedState state;
        private final NestedVmx vmx;
        /** Of the data, or empty. */
        final Vmcs copy;

        Context(NestedVmx vmx, NestedState state) {
            this.vmx = vmx;
            this.state = state;
            copy = NestedVmx.region(vmcs12());
            if (hasVmcs12()) {
                copy.load(state.page(0));
            }
        }

        boolean guestMode() {
            return state.has(NestedState.GUEST_MODE);
        }

        boolean on() {
            return vmxon() != NestedVmx.NONE;
        }

        long vmxon() {
            return state.get(VmxNestedState.VMXON_PA, 8);
        }

        long vmcs12() {
            return state.get(VmxNestedState.VMCS12_PA, 8);
        }

        long smmFlags() {
            return state.get(VmxNestedState.SMM, 2);
        }

        long headerFlags() {
            return state.get(VmxNestedState.HEADER_FLAGS, 4);
        }

        boolean inSmm() {
            return vmx.cpu.smm;
        }

        boolean hasVmcs12() {
            return state.size() >= NestedState.HEADER + NestedState.PAGE;
        }

        boolean current() {
            return hasVmcs12() && vmcs12() != NestedVmx.NONE;
        }

        boolean needsShadow() {
            return current() && guestMode() && copy.get(VmcsField.VMCS_LINK_POINTER) != NestedVmx.NONE;
        }

        Vmcs shadow() {
            Vmcs shadow = NestedVmx.region(copy.get(VmcsField.VMCS_LINK_POINTER));
            shadow.load(state.page(1));
            return shadow;
        }

        boolean page(long address) {
            return (address & 0xfff) == 0 && address >>> vmx.cpu.features.physicalBits() == 0;
        }
    }

    private final String meaning;
    /** The state has been found good enough to leave the old one, and is for VMX operation. */
    private final boolean ofData;

    private final Predicate<Context> holds;

    VmxStateCheck(String meaning, Predicate<Context> holds) {
        this(meaning, false, holds);
    }

    VmxStateCheck(String meaning, boolean ofData, Predicate<Context> holds) {
        this.meaning = meaning;
        this.ofData = ofData;
        this.holds = holds;
    }

    String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Runs the rows of the header, or those of the data. */
    static void run(Context context, boolean data) {
        for (VmxStateCheck row : values()) {
            if (row.ofData == data && !row.holds.test(context)) {
                throw NestedState.refused(row.id(), row.meaning);
            }
        }
    }
}
