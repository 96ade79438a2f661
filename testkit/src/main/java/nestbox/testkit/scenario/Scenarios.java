package nestbox.testkit.scenario;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.scenario.Scenario.Column;

/** The catalogue: the scenarios of the two threads that Nestbox grew out of. */
public final class Scenarios {
    private static final String ONES = "\u00ff";
    private static final String P1_UNCHANGED = "PDA + 1";
    private static final String P1_EDITED = "PDC + 1";
    /** Bit 1 of a PDPTE is reserved. */
    private static final String P1_RESERVED = "PDC + 3";

    private Scenarios() {}

    /** Every scenario, in the threads' order. */
    public static List<Scenario> all() {
        return List.of(
                pdptr("S-PDPTR", "no edit", P1_UNCHANGED, "A", "B", "A"),
                pdptr("S-PDPTR-edit", "L1 edits its PDPT in memory and does not reload", P1_EDITED, "A", "B", "C"),
                pdptr("S-PDPTR-reserved", "the edited PDPTE has a reserved bit", P1_RESERVED, "A", "B", "shutdown"),
                pcid(),
                mmio());
    }

    /** @throws NestboxException if there is none of that name */
    public static Scenario named(String id) {
        return all().stream()
                .filter(scenario -> scenario.id().equalsIgnoreCase(id))
                .findFirst()
                .orElseThrow(() -> new NestboxException("scenario " + id, "is not in the catalogue"));
    }

    private static NestboxConfiguration shadow(String... policies) {
        NestboxConfiguration.Builder builder = NestboxConfiguration.nestedOnShadow().toBuilder();
        for (int i = 0; i < policies.length; i += 2) {
            builder.policy(policies[i], policies[i + 1]);
        }
        return builder.build();
    }

    private static NestboxConfiguration tdp() {
        return NestboxConfiguration.nested().toBuilder().l0(L0Mode.TDP).build();
    }

    private static Scenario pdptr(
            String id, String variant, String entry, String snapshot, String none, String memory) {
        List<Column> columns = List.of(
                new Column("bare silicon", NestboxConfiguration.bareSilicon(), "A"),
                new Column("tdp", tdp(), "A"),
                new Column("shadow vmfail.pdptr=snapshot", shadow("vmfail.pdptr", "snapshot"), snapshot),
                new Column("shadow vmfail.pdptr=memory", shadow("vmfail.pdptr", "memory"), memory),
                new Column("shadow vmfail.pdptr=none", shadow("vmfail.pdptr", "none"), none));
        return new Scenario(
                id,
                "Nested entry that hardware refuses: the PDPTE registers of L1 (" + variant + ")",
                List.of(
                        "L0 uses no EPT. L1 is in PAE paging with CR3=C1 and the registers P1.",
                        "(" + variant + ")",
                        "vmcs12 has no EPT; L2 is in PAE paging, too, with CR3=C2 and other entries P2.",
                        "The TPR threshold is above the virtual TPR: only hardware notices.",
                        "VMLAUNCH: L0's checks pass, P2 is loaded.",
                        "Hardware refuses vmcs02 with VMfail.",
                        "L0 unwinds, and L1 finds VMfailValid(7).",
                        "L1 reads a page that P1 and P2 map to different frames."),
                "P1 equ " + entry + "\n" + read("s-pdptr.asm"),
                "A",
                columns);
    }

    private static Scenario pcid() {
        String keep = "roots.prevRootsWhenPcidOff";
        String unload = "roots.unloadOnPcideSet";
        return new Scenario(
                "S-PCID",
                "A cached root that is out of sync enters the virtual TLB when CR4.PCIDE is set",
                List.of(
                        "(start)",
                        "CR4.PCIDE=0, CR3=a; the root of b is cached.",
                        "The guest edits b's page table.",
                        "INVPCID, single context, PCID 0: the TLB holds nothing of it any more.",
                        "CR4.PCIDE becomes 1.",
                        "MOV CR3, b with bit 63: no flush.",
                        "The guest reads through the entry that it has edited."),
                read("long-mode.asm") + read("s-pcid.asm"),
                "N",
                List.of(
                        new Column("bare silicon", NestboxConfiguration.bareSilicon(), "N"),
                        new Column("tdp", tdp(), "N"),
                        new Column("shadow keep, unload on PCIDE", shadow(keep, "keep", unload, "on"), "N"),
                        new Column("shadow free on each MOV CR3", shadow(keep, "free", unload, "off"), "N"),
                        new Column("shadow keep, no unload", shadow(keep, "keep", unload, "off"), "O")));
    }

    private static Scenario mmio() {
        String clear = "mmioCache.clearOnNewPgdHit";
        return new Scenario(
                "S-MMIO-1",
                "MOV CR3 to an address space in which a linear address leads to memory and no longer to a device",
                List.of(
                        "Shadow paging; the root of B is cached.",
                        "CR3=A, where X leads to a device; the guest reads X.",
                        "MOV CR3, B without a flush; there X leads to memory.",
                        "The emulator reads X for OUTSB."),
                read("long-mode.asm") + read("s-mmio-1.asm"),
                "N",
                List.of(
                        new Column("bare silicon", NestboxConfiguration.bareSilicon(), "N"),
                        new Column("tdp", tdp(), "N"),
                        new Column("shadow clear on hit", shadow(clear, "on"), "N"),
                        new Column("shadow no clear on hit", shadow(clear, "off"), ONES)));
    }

    private static String read(String name) {
        try (InputStream in = Scenarios.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs every column of a scenario. */
    public static List<ScenarioRun> run(Scenario scenario) {
        List<ScenarioRun> runs = new ArrayList<>();
        for (Column column : scenario.columns()) {
            runs.add(ScenarioRun.of(scenario, column));
        }
        return runs;
    }
}
