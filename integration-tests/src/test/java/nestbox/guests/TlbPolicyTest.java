package nestbox.guests;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every retention policy of the translation cache, block size and engine: equal for a guest that obeys the manual's rules. */
class TlbPolicyTest {
    private static final String[] POLICIES = {"keep", "none", "lru:2", "lru:64", "lru:2048", "seeded:7", "seeded:8"};
    private static final int[] BLOCK_SIZES = {64, 4, 1, 0};

    private static List<Long> log(Probe probe) {
        List<Long> log = new ArrayList<>();
        for (long at = TlbGuest.LOG; ; at += 8) {
            long value = probe.machine().memory().read(at, 8);
            if (value == 0) {
                return log;
            }
            log.add(value);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void aGuestThatInvalidatesSeesTheSameUnderEveryPolicy(long seed) {
        TlbGuest guest = new TlbGuest(seed, 600);
        Probe probe = guest.probe();
        String trace = null;
        for (String policy : POLICIES) {
            String state = null;
            for (int blockSize : BLOCK_SIZES) {
                Probe.Result result = probe.run(blockSize, policy);
                assertThat(result.outcome()).isEqualTo("ok");
                assertThat(log(probe)).as("%s, blocks of %d", policy, blockSize).isEqualTo(guest.expected());
                trace = trace == null ? result.trace() : trace;
                assertThat(result.trace())
                        .as("trace, %s, blocks of %d", policy, blockSize)
                        .isEqualTo(trace);
                state = state == null ? result.state() : state;
                assertThat(result.state())
                        .as("state, %s, blocks of %d", policy, blockSize)
                        .isEqualTo(state);
            }
        }
    }

    /** A page at 6000h in a table of its own; {@code change} alters its entry at 206030h. */
    private static Probe forgetful(String change) {
        String body = """
            mov edi, 0x206000
            mov eax, 3
            fill:
            mov [rdi], rax
            add edi, 8
            add eax, 0x1000
            cmp edi, 0x207000
            jb fill
            mov rax, 0x206003
            mov [0x202000], rax
            mov rax, cr0
            or eax, 0x10000
            mov cr0, rax
            mov rax, cr3
            mov cr3, rax
            mov word [0x6000], 0x1111
            mov word [0x7000], 0x2222
            movzx eax, word [0x6000]
            CHANGE
            """;
        return Probe.longMode(body.replace("CHANGE", change));
    }

    /** Without the invalidation: what {@code keep} shows, what a cache that keeps nothing shows, and what both show with it. */
    @ParameterizedTest
    @CsvSource({
        "'mov qword [0x206030], 0x7003', '', 'movzx eax, word [0x6000]\njmp value', =1111, =2222",
        "'mov qword [0x206030], 0', '', 'movzx eax, word [0x6000]\njmp value', =1111, #PF(0)",
        "'mov qword [0x206030], 0x6001', 'mov [0x6000], ax', 'mov [0x6000], ax', ok, #PF(3)",
        "'mov rax, 0x8000000000006003\n"
                + "mov [0x206030], rax', 'mov byte [0x6000], 0xc3\n"
                + "call 0x6000', 'call 0x6000', ok, #PF(11)",
    })
    void aForgottenInvalidationShowsUnderKeep(String edit, String before, String after, String stale, String fresh) {
        String plain = before + "\n" + edit + "\n" + after;
        String invalidated = before + "\n" + edit + "\ninvlpg [0x6000]\n" + after;
        for (int blockSize : BLOCK_SIZES) {
            assertThat(forgetful(plain).run(blockSize, "keep").outcome()).isEqualTo(stale);
            assertThat(forgetful(plain).run(blockSize, "none").outcome()).isEqualTo(fresh);
            assertThat(forgetful(invalidated).run(blockSize, "keep").outcome()).isEqualTo(fresh);
        }
    }

    /** Bits that need no invalidation to be seen (SDM Vol. 3, "Recommended Invalidation" and "Optional Invalidation"). */
    @Test
    void whatNeedsNoInvalidation() {
        String present = "mov qword [0x206030], 0\n"
                + "invlpg [0x6000]\n"
                + "mov qword [0x206030], 0x7003\n"
                + "movzx eax, word [0x6000]\n"
                + "jmp value";
        String dirty = "mov qword [0x206030], 0x6023\n"
                + "invlpg [0x6000]\n"
                + "movzx eax, word [0x6000]\n"
                + "mov word [0x6000], 7\n"
                + "mov eax, [0x206030]\n"
                + "jmp value";
        for (String policy : POLICIES) {
            assertThat(forgetful(present).run(64, policy).outcome()).as(policy).isEqualTo("=2222");
            assertThat(forgetful(dirty).run(64, policy).outcome()).as(policy).isEqualTo("=6063");
        }
    }
}
