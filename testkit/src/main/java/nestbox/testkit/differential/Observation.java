package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.modules.Nestbox;
import nestbox.x86.Cpu;

/**
 * What a run of a case has shown: how it ended, what each step logged, memory that guests can tell apart, and registers. Never time.
 *
 * @param outcome how it ended
 * @param log two numbers a step: what was read or raised, and CR2
 * @param memory words that are not zero, of tables and frames, by address
 * @param registers of each processor
 */
record Observation(String outcome, long[] log, Map<Long, Long> memory, List<String> registers) {
    private static final long[][] REGIONS = {
        {0, 0x5000},
        {Layout.SCRATCH, Layout.SCRATCH + 0x100},
        {Layout.TABLES, Layout.FRAMES + ((long) Layout.FRAME_COUNT << 12)},
        {Layout.LARGE_FRAMES, Layout.LARGE_FRAMES + 0x4000},
        {Layout.LARGE_FRAMES + 0x200000, Layout.LARGE_FRAMES + 0x204000},
        {Layout.PAM, Layout.PAM + 0x3000},
        {Layout.DEVICE, Layout.DEVICE + 0x3000},
    };

    static Observation of(CaseImage image, Case guest, Subject subject) {
        Nestbox lab = Nestbox.create(subject.configuration());
        return of(image, guest, lab, subject.check() ? check(lab) : null, subject.userspace());
    }

    /** @param ledger that judges the run, or null */
    static Observation of(CaseImage image, Case guest, Nestbox lab, TlbLedger ledger) {
        return of(image, guest, lab, ledger, false);
    }

    private static Observation of(CaseImage image, Case guest, Nestbox lab, TlbLedger ledger, boolean userspace) {
        Machine machine = lab.machine();
        image.load(machine, guest);
        long limit = 1000L * (guest.steps().size() + 1000);
        Deadline.set(machine, 100 * limit);
        Userspace meanwhile = userspace ? new Userspace(lab) : null;
        Outcome outcome = userspace ? meanwhile.run(limit) : lab.run(limit);
        PhysicalMemory memory = machine.memory();
        long[] log = new long[2 * guest.steps().size()];
        for (int i = 0; i < log.length; i++) {
            log[i] = memory.read(Layout.LOG + 8L * i, 8);
        }
        Map<Long, Long> words = new TreeMap<>();
        for (long[] region : REGIONS) {
            for (long at = region[0]; at < region[1]; at += 8) {
                long word = memory.read(at, 8);
                if (word != 0) {
                    words.put(at, word);
                }
            }
        }
        List<String> registers = new ArrayList<>();
        for (int i = 0; i < machine.cpus(); i++) {
            Cpu cpu = machine.cpu(i);
            registers.add(
                    String.format("cr0=%x cr2=%x cr3=%x cr4=%x efer=%x", cpu.cr0, cpu.cr2, cpu.cr3, cpu.cr4, cpu.efer));
        }
        boolean ended = outcome.kind() == Outcome.Kind.DEBUG_EXIT;
        String end = ended ? "ended" + stale(ledger) : outcome.kind() + " " + outcome.detail();
        return new Observation(
                userspace && meanwhile.wrong() != null ? meanwhile.wrong() : end, log, words, List.copyOf(registers));
    }

    static TlbLedger check(Nestbox lab) {
        Machine machine = lab.machine();
        return lab.hypervisor()
                .map(hypervisor -> hypervisor.check(machine.memory(), machine.clock()))
                .orElseGet(() -> TlbLedger.onSilicon(machine));
    }

    /** A guest that obeys the rules has no stale use at all, not even one that it permits. */
    static String stale(TlbLedger ledger) {
        return ledger == null || ledger.permitted() == 0
                ? ""
                : " after " + ledger.reports().get(0);
    }

    /** The first step whose log differs, or -1. */
    int firstDifference(Observation other) {
        for (int i = 0; i < Math.min(log.length, other.log.length); i++) {
            if (log[i] != other.log[i]) {
                return i / 2;
            }
        }
        return -1;
    }

    /** In words what differs, or null. */
    String difference(Observation other, Case guest) {
        if (!outcome.equals(other.outcome)) {
            return "outcome " + other.outcome + ", not " + outcome;
        }
        int step = firstDifference(other);
        if (step >= 0) {
            return String.format(
                    "step %d, %s: %x %x, not %x %x",
                    step,
                    guest.steps().get(step),
                    other.log[2 * step],
                    other.log[2 * step + 1],
                    log[2 * step],
                    log[2 * step + 1]);
        }
        for (Map.Entry<Long, Long> word : memory.entrySet()) {
            long seen = other.memory.getOrDefault(word.getKey(), 0L);
            if (seen != word.getValue()) {
                return String.format("memory at %x: %x, not %x", word.getKey(), seen, word.getValue());
            }
        }
        for (Map.Entry<Long, Long> word : other.memory.entrySet()) {
            if (!memory.containsKey(word.getKey())) {
                return String.format("memory at %x: %x, not 0", word.getKey(), word.getValue());
            }
        }
        return registers.equals(other.registers) ? null : "registers " + other.registers + ", not " + registers;
    }
}
