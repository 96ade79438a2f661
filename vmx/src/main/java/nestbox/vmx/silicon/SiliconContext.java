package nestbox.vmx.silicon;

import nestbox.vmx.VmxModel;
import nestbox.vmx.check.CheckContext;
import nestbox.vmx.check.ModelMsrs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** What VM-entry checks see of the processor that enters. */
final class SiliconContext implements CheckContext {
    private final Vmx vmx;
    private final Cpu cpu;
    private final ModelMsrs msrs;
    boolean launching;
    private boolean outside;

    SiliconContext(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        msrs = new ModelMsrs(cpu.features);
    }

    @Override
    public long get(VmcsField field) {
        return vmx.vmcs.get(field);
    }

    @Override
    public VmxModel model() {
        return vmx.model;
    }

    @Override
    public boolean ia32eMode() {
        return cpu.longMode();
    }

    @Override
    public boolean inSmm() {
        return false;
    }

    @Override
    public boolean movSsBlocking() {
        outside = true;
        return cpu.shadow == Cpu.SHADOW_MOV_SS;
    }

    @Override
    public boolean hasCurrentVmcs() {
        return vmx.vmcs != null;
    }

    @Override
    public long currentVmcs() {
        return vmx.vmcs == null ? Vmx.NONE : vmx.vmcs.address();
    }

    @Override
    public boolean currentIsShadow() {
        return vmx.vmcs != null && vmx.vmcs.shadow();
    }

    @Override
    public boolean launched() {
        outside = true;
        return vmx.vmcs != null && vmx.vmcs.launchState() == nestbox.vmx.vmcs.Vmcs.LAUNCHED;
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

    @Override
    public long reservedMsrBits(int msr) {
        return msrs.reserved(msr);
    }

    @Override
    public boolean wrmsrFaults(int msr, long value) {
        return msrs.refuses(msr, value);
    }

    /** Which VMCS is current, and whether it is a shadow, never changes for a memo: it is one VMCS's. */
    @Override
    public boolean lookedOutside() {
        boolean was = outside;
        outside = false;
        return was;
    }
}
