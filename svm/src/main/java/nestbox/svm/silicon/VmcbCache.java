package nestbox.svm.silicon;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.svm.vmcb.CleanBit;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.model.CpuFeatures;

/**
 * What a processor holds of the VMCBs that it ran last, by physical address, for the policies that look at clean bits (APM
 * Vol. 2, "VMCB Clean Bits"). The permission maps' contents are never held: they are read in memory at every access.
 */
final class VmcbCache implements Stateful {
    private static final int CAPACITY = 16;
    private static final int SEGMENT_PARTS = 4;
    private static final String[] PART_NAMES = {".selector", ".attributes", ".limit", ".base"};
    private static final int[] PART_OFFSETS = {0, 2, 4, 8};
    private static final int[] PART_BYTES = {2, 2, 4, 8};

    private final int cpu;
    private final CpuFeatures features;
    private final CleanBitPolicy policy;
    private final Consumer<CleanBitReport> reports;
    /** Least recently used first. */
    private final Map<Long, Vmcb> held = new LinkedHashMap<>(CAPACITY, 1, true);
    /** What VMRUN goes by under {@link CleanBitPolicy#HONOUR}. */
    private final Vmcb effective = Vmcb.detached();
    /** Of the guest that runs, or null. */
    private Vmcb current;

    VmcbCache(int cpu, CpuFeatures features, CleanBitPolicy policy, Consumer<CleanBitReport> reports) {
        this.cpu = cpu;
        this.features = features;
        this.policy = policy;
        this.reports = reports;
    }

    /** What VMRUN of {@code vmcb} goes by. */
    Vmcb source(Vmcb vmcb) {
        Vmcb last = held.get(vmcb.address());
        int clean = (int) vmcb.get(VmcbField.CLEAN);
        if (policy == CleanBitPolicy.REPORT) {
            report(vmcb, last, clean);
            return vmcb;
        }
        effective.copy(vmcb);
        effective.standFor(vmcb.address());
        if (last != null) {
            reuse(last, clean);
        }
        return effective;
    }

    private static boolean set(int clean, CleanBit bit) {
        return bit != null && (clean >>> bit.bit() & 1) != 0;
    }

    private void reuse(Vmcb last, int clean) {
        for (VmcbField field : VmcbField.values()) {
            if (set(clean, field.clean())) {
                effective.set(field, last.get(field));
            }
        }
        for (VmcbSegment segment : VmcbSegment.values()) {
            if (set(clean, segment.clean())) {
                for (int part = 0; part < SEGMENT_PARTS; part++) {
                    int at = segment.offset() + PART_OFFSETS[part];
                    effective.set(at, PART_BYTES[part], last.get(at, PART_BYTES[part]));
                }
            }
        }
    }

    private void report(Vmcb vmcb, Vmcb last, int clean) {
        if (last == null) {
            for (CleanBit bit : CleanBit.values()) {
                if (set(clean, bit)) {
                    reports.accept(new CleanBitReport(cpu, vmcb.address(), bit, CleanBitReport.NEVER_LOADED, 0, 0));
                }
            }
            return;
        }
        for (VmcbField field : VmcbField.values()) {
            boolean there = field.feature() == null || features.has(field.feature());
            if (there && set(clean, field.clean())) {
                compare(vmcb, last, field.clean(), field.name(), field.offset(), field.bytes());
            }
        }
        for (VmcbSegment segment : VmcbSegment.values()) {
            if (set(clean, segment.clean())) {
                for (int part = 0; part < SEGMENT_PARTS; part++) {
                    int at = segment.offset() + PART_OFFSETS[part];
                    compare(vmcb, last, segment.clean(), segment.name() + PART_NAMES[part], at, PART_BYTES[part]);
                }
            }
        }
    }

    private void compare(Vmcb vmcb, Vmcb last, CleanBit bit, String name, int offset, int bytes) {
        long loaded = last.get(offset, bytes);
        long present = vmcb.get(offset, bytes);
        if (loaded != present) {
            reports.accept(new CleanBitReport(cpu, vmcb.address(), bit, name, loaded, present));
        }
    }

    /** VMRUN has loaded from {@code source}; what #VMEXIT stores is to be stored in {@link #current}, too. */
    void loaded(Vmcb source) {
        current = held.computeIfAbsent(source.address(), address -> Vmcb.detached());
        current.copy(source);
        current.standFor(source.address());
        if (held.size() > CAPACITY) {
            held.remove(held.keySet().iterator().next());
        }
    }

    Vmcb current() {
        return current;
    }

    /** VMRUN of it failed: nothing of it is held. */
    void failed(long address) {
        held.remove(address);
    }

    void clear() {
        held.clear();
        current = null;
    }

    @Override
    public void save(StateWriter out) {
        out.writeLong(current == null ? -1 : current.address()).writeInt(held.size());
        held.values().forEach(vmcb -> vmcb.save(out));
    }

    @Override
    public void restore(StateReader in) {
        clear();
        long address = in.readLong();
        for (int left = in.readCount(); left > 0; left--) {
            Vmcb vmcb = Vmcb.detached();
            vmcb.restore(in);
            held.put(vmcb.address(), vmcb);
            current = vmcb.address() == address ? vmcb : current;
        }
    }
}
