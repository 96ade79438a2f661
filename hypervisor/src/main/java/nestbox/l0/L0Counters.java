package nestbox.l0;

import java.util.LinkedHashMap;
import java.util.Map;

/** Counters of L0, as {@code kvm_stat} has them. */
public final class L0Counters {
    public long exits;
    /** Those of {@link #exits} that left L2. */
    public long exitsOfL2;
    /** Exits from L2 to L1 that L0 made: of its exits, and of events and faults that it met itself. */
    public long nestedExits;

    /** Entries made for hardware to refuse, by vmfail.cr3=early. */
    public long earlyEntries;

    public long hypercalls;
    /** Instructions of the guest that L0 emulated. */
    public long insnEmulation;

    public long irqInjections;
    public long nmiInjections;
    /** Instructions and events emulated because the silicon could not run the guest's state. */
    public long emulatedStates;

    /** Turns that other vCPUs had at yield points, and the ticks that they ran. */
    public long yields;

    public long yieldTicks;

    /** All but the exits by name, in order. */
    public Map<String, Long> all() {
        Map<String, Long> map = new LinkedHashMap<>();
        map.put("exits_l1", exits - exitsOfL2);
        map.put("exits_l2", exitsOfL2);
        map.put("nested_exits", nestedExits);
        map.put("early_entries", earlyEntries);
        map.put("hypercalls", hypercalls);
        map.put("insn_emulation", insnEmulation);
        map.put("irq_injections", irqInjections);
        map.put("nmi_injections", nmiInjections);
        map.put("emulated_states", emulatedStates);
        map.put("yields", yields);
        map.put("yield_ticks", yieldTicks);
        return map;
    }
}
