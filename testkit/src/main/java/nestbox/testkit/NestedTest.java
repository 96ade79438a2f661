package nestbox.testkit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import nestbox.modules.L0Mode;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A test of a guest, run once for each combination of the dimensions, with a {@link NestedLab} of that configuration as parameter:
 *
 * <pre>{@code
 * @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP}, tlb = {"keep", "none"})
 * void theGuestEnds(NestedLab lab) {
 *     assertThat(lab.run(Guest.longMode().body("jmp finish"))).endedWell();
 * }
 * }</pre>
 *
 * <p>After each case the invariants of {@link LabInvariants} are checked of every run. A failure tells the numbered steps that led to
 * it and the command that repeats the case. The system property {@code nestbox.case} selects cases: its words, separated by commas,
 * must all be parts of the display name ({@code -Dnestbox.case=tdp,keep}); the others are reported as skipped.
 */
@Target({ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@TestTemplate
@ExtendWith(NestedTestExtension.class)
public @interface NestedTest {
    /** Models of the silicon, in QEMU's grammar; what L0 shows its guest is the same model. */
    String[] cpu() default "max,+vmx";

    /** What runs the image. */
    L0Mode[] l0() default {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW};

    /** Retention policies of the silicon's translation caches. */
    String[] tlb() default "keep";

    /**
     * Policies of L0, each a text of words as {@link nestbox.modules.NestboxConfiguration.Builder#policies(String)} takes them.
     * Without L0 there are none: bare silicon runs once.
     */
    String[] policy() default "exact";

    /**
     * Every translation that L1 uses is judged: one that no legal cache explains ends the run, and fails the test unless it claims
     * {@link LabAssert#usedStaleTranslation}. A test that shows what such a translation leads to turns this off.
     */
    boolean checkTlb() default true;

    /** Memory of the machine that the image sees. */
    int megabytes() default 32;

    /** The seed of every choice. */
    long seed() default 0;
}
