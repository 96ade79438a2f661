package nestbox.l0.ledger;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import nestbox.core.Clock;
import nestbox.machine.EndOfRunException;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.mem.SiliconPort;

/**
 * Judges every translation that the processors of a machine use. A use that no legal cache explains ends the run with
 * {@link Outcome.Kind#TLB_CHECK}; a stale use that the guest itself permitted is noted, the first at each address, as is one of which
 * too much is forgotten to judge it.
 *
 * <p>Not looked at: accesses without paging, and those of L2 on bare silicon.
 */
public final class TlbLedger implements TableHistory.Numbers {
    private static final int MOST_REPORTS = 1000;

    private final Clock clock;
    private final TableHistory history;
    private final List<Judge> judges = new ArrayList<>();
    private final List<CheckReport> reports = new ArrayList<>();
    private long permitted;
    private long notJudged;
    private long last;

    /**
     * @param memory of the machine that the guest sees
     * @param seen memory that sees all writes: the same, or the host's in which it appears
     * @param offset address in {@code seen} of the guest's address 0
     */
    public TlbLedger(PhysicalMemory memory, PhysicalMemory seen, long offset, Clock clock) {
        this.clock = clock;
        history = new TableHistory(memory, seen, offset, this, this::writer);
    }

    /** Watches the processors of a machine on bare silicon. */
    public static TlbLedger onSilicon(Machine machine) {
        TlbLedger ledger = new TlbLedger(machine.memory(), machine.memory(), 0, machine.clock());
        for (int i = 0; i < machine.cpus(); i++) {
            Cpu cpu = machine.cpu(i);
            if (cpu.mem.port() instanceof SiliconPort port) {
                Supplier<World> world = () -> cpu.extension == null || !cpu.extension.inGuest() ? World.L1 : null;
                port.observe(ledger.judge(i, cpu, 0, false, world, () -> true));
            }
        }
        return ledger;
    }

    /**
     * A judge of one processor, to be an observer of the port that its guest uses.
     *
     * @param registers whose control registers are the guest's own
     * @param offset host-physical address of guest-physical address 0
     * @param pdptesInMemory PAE paging reads PDPTEs at each walk
     * @param world whose translations are seen now; null if nobody's that are judged
     * @param runs whether the guest itself runs now, so that a write is its own
     */
    public Judge judge(
            int id, Cpu registers, long offset, boolean pdptesInMemory, Supplier<World> world, BooleanSupplier runs) {
        Judge judge = new Judge(this, history, id, registers, offset, pdptesInMemory, world, runs);
        judges.add(judge);
        return judge;
    }

    /** Stale uses, those that were permitted first seen at their address; a {@code FAULT} is the last. */
    public List<CheckReport> reports() {
        return List.copyOf(reports);
    }

    /** Stale uses that the guest permitted. */
    public long permitted() {
        return permitted;
    }

    /** Uses that were stale, or seemed to be, with too much forgotten to say whose fault that is. */
    public long notJudged() {
        return notJudged;
    }

    void report(CheckReport report) {
        if (report.verdict() == CheckReport.Verdict.FAULT) {
            reports.add(report);
            throw new EndOfRunException(new Outcome(Outcome.Kind.TLB_CHECK, 0, "stale translation: " + report));
        }
        if (report.verdict() == CheckReport.Verdict.NOT_JUDGED) {
            notJudged++;
        } else {
            permitted++;
        }
        boolean known =
                reports.stream().anyMatch(r -> r.cpu() == report.cpu() && r.linear() >>> 12 == report.linear() >>> 12);
        if (!known && reports.size() < MOST_REPORTS) {
            reports.add(report);
        }
    }

    private String writer() {
        for (Judge judge : judges) {
            if (judge.runs()) {
                return "cpu" + judge.id();
            }
        }
        return "L0, for the guest,";
    }

    @Override
    public long next() {
        return ++last;
    }

    @Override
    public long time() {
        return clock.exact();
    }
}
