package nestbox.testkit.differential;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxModule;

/**
 * What a nested run has shown: how it ended, what each step logged, what L1 recorded of each exit, all memory but the regions whose
 * format is the processor's own, and what was printed. Never time.
 *
 * @param outcome how it ended
 * @param printed to the serial port
 * @param log two numbers a step
 * @param records of exits, 32 numbers a step
 * @param handovers records of exits by which a guest handed a step over
 * @param memory pages that are not zero, by address
 */
record NestedObservation(
        String outcome, String printed, long[] log, long[] records, long[] handovers, Map<Long, byte[]> memory) {
    private static final int PAGE = 4096;
    private static final int RECORD = NestedLayout.RECORD_BYTES / 8;
    private static final long TICKS = 30_000;
    private static final Set<Long> REGIONS_OF_INTEL =
            Set.of(NestedLayout.VMXON, NestedLayout.control(0), NestedLayout.control(1), NestedLayout.SPARE);
    private static final Set<Long> REGIONS_OF_AMD = Set.of(NestedLayout.HSAVE);

    static NestedObservation of(NestedImage image, NestedCase nested, NestedSubject subject) {
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Nestbox lab = Nestbox.create(subject.configuration(), new NestboxModule() {
            @Override
            protected void configure() {
                serial(serial);
            }
        });
        Machine machine = lab.machine();
        TlbLedger ledger = subject.check() ? Observation.check(lab) : null;
        image.load(machine, nested);
        long limit = TICKS * (nested.steps().size() + 100);
        Deadline.set(machine, 100 * limit);
        Outcome outcome = lab.run(limit);
        boolean ended = outcome.kind() == Outcome.Kind.DEBUG_EXIT && outcome.code() == 0;
        int count = nested.steps().size();
        PhysicalMemory memory = machine.memory();
        String turn = ended ? "" : " at step " + memory.read(Layout.TURN, 4);
        return new NestedObservation(
                ended ? "ended" + Observation.stale(ledger) : outcome.kind() + " " + outcome.detail() + turn,
                serial.toString(StandardCharsets.ISO_8859_1),
                numbers(memory, Layout.LOG, 2 * count),
                numbers(memory, NestedLayout.RECORDS, RECORD * (count + 1)),
                numbers(memory, NestedLayout.HANDOVERS, RECORD * (count + 1)),
                pages(memory, nested.vendor()));
    }

    private static long[] numbers(PhysicalMemory memory, long at, int count) {
        long[] numbers = new long[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = memory.read(at + 8L * i, 8);
        }
        return numbers;
    }

    private static Map<Long, byte[]> pages(PhysicalMemory memory, NestedVendor vendor) {
        Set<Long> own = vendor == NestedVendor.INTEL ? REGIONS_OF_INTEL : REGIONS_OF_AMD;
        Map<Long, byte[]> pages = new TreeMap<>();
        memory.visitContents((physical, data) -> {
            for (int at = 0; at < data.length; at += PAGE) {
                byte[] page = Arrays.copyOfRange(data, at, Math.min(data.length, at + PAGE));
                if (!own.contains(physical + at) && !isRecord(physical + at)) {
                    pages.put(physical + at, page);
                }
            }
        });
        return pages;
    }

    /** Records are compared one by one. */
    private static boolean isRecord(long physical) {
        return physical >= NestedLayout.RECORDS && physical < NestedLayout.RECORDS_END;
    }

    boolean ended() {
        return outcome.startsWith("ended");
    }

    /** In words what differs, or null. */
    String difference(NestedObservation other, NestedCase nested) {
        for (int step = 0; step < log.length / 2; step++) {
            String what = difference(other, nested, step);
            if (what != null) {
                String end = outcome.equals(other.outcome) ? "" : " (outcome " + other.outcome + ")";
                return "step " + step + ", " + nested.steps().get(step) + ": " + what + end;
            }
        }
        if (!outcome.equals(other.outcome)) {
            return "outcome " + other.outcome + ", not " + outcome;
        }
        if (!printed.equals(other.printed)) {
            return "printed '" + other.printed + "', not '" + printed + "'";
        }
        return memoryDifference(other);
    }

    private String difference(NestedObservation other, NestedCase nested, int step) {
        String record = difference(handovers, other.handovers, nested, step);
        record = record == null ? difference(records, other.records, nested, step) : "handover, " + record;
        if (record != null) {
            return record;
        }
        for (int at = 2 * step; at < 2 * step + 2; at++) {
            if (log[at] != other.log[at]) {
                return String.format("log %d: %x, not %x", at & 1, other.log[at], log[at]);
            }
        }
        return null;
    }

    private static String difference(long[] right, long[] seen, NestedCase nested, int step) {
        int from = step * RECORD;
        for (int i = 0; i < RECORD; i++) {
            boolean counts = nested.vendor() == NestedVendor.AMD || VmxRecord.defined(right, from, i);
            if (counts && right[from + i] != seen[from + i]) {
                return String.format(
                        "record %d: %x, not %x (reason %x)", i, seen[from + i], right[from + i], right[from]);
            }
        }
        return null;
    }

    private String memoryDifference(NestedObservation other) {
        List<String> words = words(other, 1);
        return words.isEmpty() ? null : words.get(0);
    }

    /** In words which numbers in memory differ, a few of them. */
    List<String> words(NestedObservation other, int most) {
        List<String> words = new ArrayList<>();
        Set<Long> all = new TreeSet<>(memory.keySet());
        all.addAll(other.memory.keySet());
        for (long page : all) {
            byte[] mine = memory.getOrDefault(page, new byte[PAGE]);
            byte[] theirs = other.memory.getOrDefault(page, new byte[PAGE]);
            for (int at = 0; at < PAGE && words.size() < most && !Arrays.equals(mine, theirs); at += 8) {
                String right = text(mine, at);
                String seen = text(theirs, at);
                if (!right.equals(seen)) {
                    words.add(String.format("memory at %x: %s, not %s", page + at, seen, right));
                }
            }
        }
        return words;
    }

    private static String text(byte[] page, int at) {
        StringBuilder text = new StringBuilder();
        for (int i = 7; i >= 0; i--) {
            text.append(String.format("%02x", page[at + i]));
        }
        return text.toString();
    }
}
