package nestbox.l0;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import nestbox.core.Clock;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceText;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Interludes;
import nestbox.machine.Underneath;
import nestbox.mmu.core.GuestModel;
import nestbox.mmu.core.MmuVm;
import nestbox.mmu.core.YieldPoint;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.engine.Execution;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.MemoryPort;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** L0 with one virtual machine: what stands below the processors of a machine whose board it hosts. */
public final class Hypervisor implements Underneath {
    private final L0Config config;
    private final VendorBackendFactory backends;
    private final List<Vcpu> vcpus = new ArrayList<>();
    private final L0Counters counters = new L0Counters();
    private HostMemory host;
    private MmuVm mmu;
    private Yields yields;
    private Clock clock;

    public Hypervisor(L0Config config, VendorBackendFactory backends) {
        this.config = config;
        this.backends = backends;
    }

    public L0Config config() {
        return config;
    }

    VendorBackendFactory backends() {
        return backends;
    }

    public MmuVm mmu() {
        return mmu;
    }

    public HostMemory host() {
        return host;
    }

    public L0Counters counters() {
        return counters;
    }

    /** Exits by the vendor's name of their reason. */
    public Map<String, Long> exitCounts() {
        Map<String, Long> counts = new TreeMap<>();
        for (Vcpu vcpu : vcpus) {
            vcpu.addExitCounts(counts);
        }
        return counts;
    }

    public List<Vcpu> vcpus() {
        return List.copyOf(vcpus);
    }

    @Override
    public void begin(PhysicalMemory memory, Clock machineClock, Trace trace) {
        clock = machineClock;
        host = new HostMemory(config.silicon().physicalBits(), config.seed());
        mmu = new MmuVm(backends.mmu(config), host.frames(), trace);
        GuestMemorySlots.install(memory, host, mmu.slots());
    }

    @Override
    public void interludes(Interludes interludes) {
        yields = new Yields(this, interludes, config.yields());
        if (!config.yields().isEmpty()) {
            mmu.setYieldPoints(yields);
        }
    }

    /** Calls {@code callback} whenever L0 comes to a point while it works for a vCPU that runs. */
    public void atYield(YieldPoint point, Consumer<YieldMoment> callback) {
        yields.callback(point, callback);
        mmu.setYieldPoints(yields);
    }

    Yields yields() {
        return yields;
    }

    int cpus() {
        return vcpus.size();
    }

    Vcpu vcpu(int index) {
        return vcpus.get(index);
    }

    @Override
    public MemoryPort port(Cpu cpu) {
        return new GuestPort(SiliconPort.uncached(cpu));
    }

    @Override
    public Execution execution(Cpu cpu, Decoder decoder, ReferenceEngine reference) {
        HostProcessor processor =
                new HostProcessor(cpu.id, config, config.virtualization(), host.memory(), host.frames(), cpu.platform);
        Vcpu vcpu = new Vcpu(this, cpu, processor, reference, model(cpu.features));
        ((GuestPort) cpu.mem.port()).attach(vcpu);
        vcpus.add(vcpu);
        return vcpu;
    }

    @Override
    public void save(StateWriter out) {
        vcpus.forEach(vcpu -> vcpu.save(out));
        yields.save(out);
    }

    @Override
    public void restore(StateReader in) {
        vcpus.forEach(vcpu -> vcpu.restore(in));
        yields.restore(in);
    }

    /** How a trace of this virtual machine is written in the way of KVM's. */
    public TraceText traceText() {
        boolean amd = config.silicon().vendor() == Vendor.AMD;
        return new KvmText(backends::exitName, amd, mmu.config().format().ept());
    }

    /** A ledger that judges the translations that the guest's processors use from now on. */
    public TlbLedger check(PhysicalMemory memory, Clock machineClock) {
        TlbLedger ledger = new TlbLedger(memory, host.memory(), host.guestOffset(), machineClock);
        vcpus.forEach(vcpu -> vcpu.check(ledger));
        return ledger;
    }

    private static GuestModel model(CpuFeatures guest) {
        boolean amd = guest.vendor() == Vendor.AMD;
        return new GuestModel(
                guest.physicalBits(),
                amd,
                guest.has(Feature.PSE36),
                guest.has(Feature.PDPE1GB),
                guest.has(Feature.PKU) || guest.has(Feature.PKS),
                !amd,
                !amd,
                !amd);
    }
}
