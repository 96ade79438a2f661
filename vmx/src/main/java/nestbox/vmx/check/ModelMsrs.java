package nestbox.vmx.check;

import java.util.HashMap;
import java.util.Map;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.Msr;
import nestbox.x86.system.MsrTable;

/** What WRMSR refuses on a model, from the processor's own table of MSRs; without a processor to ask. */
public final class ModelMsrs {
    /** IA32_S_CET: bits 9:6. */
    private static final long S_CET_RESERVED = 0x3c0;

    private final CpuFeatures cpu;
    private final Map<Integer, Msr> rows = new HashMap<>();

    public ModelMsrs(CpuFeatures cpu) {
        this.cpu = cpu;
        for (Msr row : MsrTable.rows()) {
            if (row.present().test(cpu)) {
                rows.put(row.index(), row);
            }
        }
    }

    /** Bits that WRMSR refuses to set; all of them for a register that the model lacks. */
    public long reserved(int index) {
        Msr row = rows.get(index);
        if (index == MsrValues.EFER) {
            return ~ControlRegisters.eferMask(cpu);
        }
        if (index == MsrValues.S_CET) {
            return S_CET_RESERVED;
        }
        return row == null
                ? -1
                : ~(row.writable().applyAsLong(cpu) | row.dropped().applyAsLong(cpu));
    }

    /** Whether WRMSR refuses the value for its bits; rules that need the processor's state are not asked. */
    public boolean refuses(int index, long value) {
        Msr row = rows.get(index);
        return row == null || row.readOnly() || (value & reserved(index)) != 0;
    }
}
