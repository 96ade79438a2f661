package nestbox.vmx.l0;

import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;

/** Nested VMX in the saved state of a machine; {@link VmxNestedState} is KVM's layout of it. */
final class NestedVmxState {
    private NestedVmxState() {}

    static void save(NestedVmx vmx, StateWriter out) {
        vmx.pull();
        if (vmx.guest) {
            vmx.apic.save();
        }
        out.section("nested vmx").writeBoolean(vmx.on).writeBoolean(vmx.guest).writeLong(vmx.vmxonPointer);
        OptionalVmcs.save(vmx.vmcs12, out);
        OptionalVmcs.save(vmx.shadow12, out);
        out.writeLong(vmx.lastVpid12).writeBoolean(vmx.trapFlag);
        vmx.signals.save(out);
        vmx.smm.save(out);
        vmx.entry.save(out);
        vmx.apic.save(out);
        out.writeLong(vmx.timer.deadline()).writeLong(vmx.controls.eptp);
    }

    static void restore(NestedVmx vmx, StateReader in) {
        in.section("nested vmx");
        vmx.on = in.readBoolean();
        vmx.guest = in.readBoolean();
        vmx.vmxonPointer = in.readLong();
        vmx.vmcs12 = OptionalVmcs.restore(in);
        vmx.shadow12 = OptionalVmcs.restore(in);
        if (vmx.guest && vmx.vmcs12 == null) {
            throw new NestboxException("state", "L2 runs without a VMCS");
        }
        vmx.lastVpid12 = in.readLong();
        vmx.trapFlag = in.readBoolean();
        vmx.signals.restore(in);
        vmx.smm.restore(in);
        vmx.entry.restore(in);
        vmx.apic.restore(in);
        vmx.timer.setDeadline(in.readLong());
        vmx.controls.eptp = in.readLong();
        vmx.entry.vmcsChanged();
        vmx.shadowing.unlinked();
        vmx.rare.forget();
    }
}
