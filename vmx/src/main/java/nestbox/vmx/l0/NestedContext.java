package nestbox.vmx.l0;

import nestbox.vmx.VmxModel;
import nestbox.vmx.check.CheckContext;
import nestbox.vmx.check.ModelMsrs;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** What the check rows see when L0 runs them on vmcs12. */
final class NestedContext implements CheckContext {
    private final NestedVmx vmx;
    private final Cpu cpu;
    private final ModelMsrs msrs;
    boolean launching;
    private boolean outside;

    NestedContext(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        msrs = new ModelMsrs(cpu.features);
    }

    @Override
    public long get(VmcsField field) {
        vmx.rare.pull(field);
        return vmx.vmcs12.get(field);
    }

    @Override
    public VmxModel model() {
        return vmx.model;
    }

    @Override
    public int revision() {
        return NestedVmxProvider.REVISION;
    }

    @Override
    public boolean ia32eMode() {
        return cpu.longMode();
    }

    @Override
    public boolean inSmm() {
        return cpu.smm;
    }

    @Override
    public boolean movSsBlocking() {
        outside = true;
        return vmx.entry.movSsBlocking();
    }

    @Override
    public boolean hasCurrentVmcs() {
        return vmx.vmcs12 != null;
    }

    @Override
    public long currentVmcs() {
        return vmx.vmcs12 == null ? NestedVmx.NONE : vmx.vmcs12.address();
    }

    @Override
    public boolean currentIsShadow() {
        return vmx.vmcs12 != null && vmx.vmcs12.shadow();
    }

    @Override
    public boolean launched() {
        outside = true;
        return vmx.vmcs12 != null && vmx.vmcs12.launchState() == Vmcs.LAUNCHED;
    }

    @Override
    public boolean launching() {
        outside = true;
        return launching;
    }

    @Override
    public long readPhysical(long address, int bytes) {
        outside = true;
        return cpu.physical.read(address, bytes);
    }

    /** Which VMCS is current, and whether it is a shadow, never changes for a memo: it is one VMCS's. */
    @Override
    public boolean lookedOutside() {
        boolean was = outside;
        outside = false;
        return was;
    }

    @Override
    public long reservedMsrBits(int msr) {
        return msrs.reserved(msr);
    }

    @Override
    public boolean wrmsrFaults(int msr, long value) {
        return msrs.refuses(msr, value);
    }
}
