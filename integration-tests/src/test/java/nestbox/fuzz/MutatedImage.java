package nestbox.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import nestbox.cli.Main;
import nestbox.core.Seed;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.testkit.differential.NestedCampaign;
import nestbox.testkit.differential.NestedVendor;
import nestbox.testkit.scenario.Scenarios;
import nestbox.x86.insn.Asm;

/** Images of Nestbox's own with mutations: bits, bytes and words that are others, pieces that are copied elsewhere. */
final class MutatedImage {
    private static final byte[] DEMO = Asm.assemble(32, 0x100000, demo());
    private static final int STEPS = 60;

    private final Seed random;

    MutatedImage(Seed random) {
        this.random = random;
    }

    private static String demo() {
        try (InputStream in = Main.class.getResourceAsStream("l1.asm")) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII) + Scenarios.include("vmx32");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The demo's L1, which uses VMX. */
    void demo(Machine machine) {
        byte[] bytes = DEMO.clone();
        mutate(bytes, 32);
        machine.load(new ImageFile("demo", bytes), "", List.of());
    }

    static NestedCampaign campaign(boolean intel, boolean tdp) {
        return NestedCampaign.of(intel ? NestedVendor.INTEL : NestedVendor.AMD, tdp)
                .withCaseSteps(STEPS);
    }

    /** A nested differential run: code, tables, VMCBs, fields and steps of it. */
    void differential(Machine machine, NestedCampaign campaign, long number) {
        campaign.load(machine, 1, number);
        PhysicalMemory memory = machine.memory();
        List<Long> pages = new ArrayList<>();
        memory.visitContents((physical, data) -> {
            for (int i = 0; i < data.length; i += 4096) {
                if (physical + i >= 0x5000) {
                    pages.add(physical + i);
                }
            }
        });
        for (int i = 1 + random.nextInt(16); i > 0; i--) {
            long page = pages.get(random.nextInt(pages.size()));
            byte[] bytes = new byte[4096];
            memory.copyOut(page, bytes, 0, bytes.length);
            mutate(bytes, 0);
            memory.copyIn(page, bytes, 0, bytes.length);
        }
    }

    /** A few changes behind a header that stays. */
    void mutate(byte[] bytes, int header) {
        for (int i = 1 + random.nextInt(5); i > 0; i--) {
            int at = nonZero(bytes, header);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextLong();
                case 2 -> {
                    int length = Math.min(random.nextInt(16), bytes.length - at);
                    int from = header + random.nextInt(bytes.length - header - length);
                    System.arraycopy(bytes, from, bytes, at, length);
                }
                default -> {
                    long value = new Values(random).any();
                    for (int k = 0; k < 4 && at + k < bytes.length; k++) {
                        bytes[at + k] = (byte) (value >>> 8 * k);
                    }
                }
            }
        }
    }

    /** A place with something in it, if one is soon found. */
    private int nonZero(byte[] bytes, int header) {
        int at = header;
        for (int tries = 0; tries < 64; tries++) {
            at = header + random.nextInt(bytes.length - header);
            if (bytes[at] != 0) {
                return at;
            }
        }
        return at;
    }
}
