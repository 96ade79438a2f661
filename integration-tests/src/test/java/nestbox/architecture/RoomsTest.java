package nestbox.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;

/** The house's arrows: a room may use what lies below it. */
@AnalyzeClasses(packages = "nestbox", importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
    @ArchTest
    static final ArchRule ARROWS_POINT_DOWN = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .withOptionalLayers(true)
            .layer("core")
            .definedBy("nestbox.core..")
            .layer("mmu")
            .definedBy("nestbox.mmu..")
            .layer("x86")
            .definedBy("nestbox.x86..")
            .layer("machine")
            .definedBy("nestbox.machine..")
            .layer("hypervisor")
            .definedBy("nestbox.l0..")
            .layer("vmx")
            .definedBy("nestbox.vmx..")
            .layer("svm")
            .definedBy("nestbox.svm..")
            .layer("modules")
            .definedBy("nestbox.modules..")
            .layer("testkit")
            .definedBy("nestbox.testkit..")
            .layer("cli")
            .definedBy("nestbox.cli..")
            .whereLayer("core")
            .mayNotAccessAnyLayer()
            .whereLayer("mmu")
            .mayOnlyAccessLayers("core")
            .whereLayer("x86")
            .mayOnlyAccessLayers("core", "mmu")
            .whereLayer("machine")
            .mayOnlyAccessLayers("core", "mmu", "x86")
            .whereLayer("hypervisor")
            .mayOnlyAccessLayers("core", "mmu", "x86", "machine")
            .whereLayer("vmx")
            .mayOnlyAccessLayers("core", "mmu", "x86", "machine", "hypervisor")
            .whereLayer("svm")
            .mayOnlyAccessLayers("core", "mmu", "x86", "machine", "hypervisor")
            .whereLayer("cli")
            .mayNotBeAccessedByAnyLayer();

    /** {@code mmu.core} is the hypervisor's; {@code memory}, {@code paging} and {@code tlb} lie below it. */
    @ArchTest
    static final ArchRule THE_SILICON_KNOWS_NO_HYPERVISOR = noClasses()
            .that()
            .resideInAnyPackage(
                    "nestbox.x86..",
                    "nestbox.machine..",
                    "nestbox.vmx.silicon..",
                    "nestbox.svm.silicon..",
                    "nestbox.mmu.memory..",
                    "nestbox.mmu.paging..",
                    "nestbox.mmu.tlb..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("nestbox.mmu.core..");

    @ArchTest
    static final ArchRule THE_HYPERVISOR_HAS_NO_TRANSLATION_CACHE = noClasses()
            .that()
            .resideInAnyPackage("nestbox.mmu.core..", "nestbox.l0..", "nestbox.vmx.l0..", "nestbox.svm.l0..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("nestbox.mmu.tlb..")
            .allowEmptyShould(true);

    /** An address of L2 is taken for one of L1 by a policy that is wrong on purpose, and by nobody else. */
    @ArchTest
    static final ArchRule ONLY_A_POLICY_TAKES_AN_NGPA_FOR_A_GPA = noClasses()
            .that()
            .doNotHaveFullyQualifiedName("nestbox.mmu.core.NgpaLookup")
            .should()
            .callMethod("nestbox.mmu.core.Ngpa", "unsafeAsGpa");

    @ArchTest
    static final ArchRule SILICON_DOES_NOT_USE_L0 = noClasses()
            .that()
            .resideInAnyPackage("nestbox.vmx.silicon..", "nestbox.svm.silicon..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("nestbox.l0..", "nestbox.vmx.l0..", "nestbox.svm.l0..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule L0_DOES_NOT_USE_SILICON = noClasses()
            .that()
            .resideInAnyPackage("nestbox.l0..", "nestbox.vmx.l0..", "nestbox.svm.l0..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("nestbox.vmx.silicon..", "nestbox.svm.silicon..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule NO_STATIC_FIELD_CHANGES =
            fields().that().areStatic().should().beFinal();

    /** A static final array or map may be written to nonetheless; what is known to be filled once is private. */
    @ArchTest
    static final ArchRule STATIC_ARRAYS_STAY_INSIDE = fields().that(
                    new DescribedPredicate<JavaField>("are static arrays") {
                        @Override
                        public boolean test(JavaField field) {
                            return field.getModifiers().contains(JavaModifier.STATIC)
                                    && field.getRawType().isArray();
                        }
                    })
            .should()
            .notBePublic();

    @ArchTest
    static final ArchRule NO_THREADS_BELOW_THE_COMMAND = noClasses()
            .that()
            .resideOutsideOfPackages("nestbox.cli..")
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.lang.Thread")
            .orShould()
            .dependOnClassesThat()
            .resideInAPackage("java.util.concurrent..");

    @ArchTest
    static final ArchRule ONLY_THE_COMMAND_ENDS_THE_PROCESS = noClasses()
            .that()
            .resideOutsideOfPackages("nestbox.cli..")
            .should()
            .callMethod(System.class, "exit", int.class)
            .orShould()
            .callMethod(Runtime.class, "halt", int.class);

    @ArchTest
    static final ArchRule NO_HOST_TIME_OR_CHANCE_BELOW_THE_COMMAND = noClasses()
            .that()
            .resideOutsideOfPackages("nestbox.cli..")
            .should()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(Math.class, "random")
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.Random");

    @ArchTest
    static final ArchRule NOBODY_PRINTS_STACK_TRACES =
            noClasses().should().callMethod(Throwable.class, "printStackTrace");

    /** Wiring is a shell over constructors; bare silicon starts without it and without a logger. */
    @ArchTest
    static final ArchRule BARE_SILICON_LOADS_NO_GUICE_AND_NO_LOG4J = noClasses()
            .that()
            .resideOutsideOfPackages("nestbox.modules..", "nestbox.testkit..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.google.inject..", "org.apache.logging..");

    @ArchTest
    static final ArchRule NOTHING_IS_LOCKED_BELOW_THE_COMMAND = methods()
            .that()
            .areDeclaredInClassesThat()
            .resideOutsideOfPackages("nestbox.cli..")
            .should()
            .notHaveModifier(JavaModifier.SYNCHRONIZED);

    /** Exceptions that reach the user are typed. */
    @ArchTest
    static final ArchRule ERRORS_HAVE_ONE_ROOT = classes()
            .that()
            .areAssignableTo(RuntimeException.class)
            .should(new ArchCondition<JavaClass>("be NestboxExceptions, or the processor's own guest fault") {
                @Override
                public void check(JavaClass type, ConditionEvents events) {
                    boolean allowed = type.isAssignableTo("nestbox.core.NestboxException")
                            || type.getFullName().equals("nestbox.x86.GuestFault");
                    if (!allowed) {
                        events.add(SimpleConditionEvent.violated(type, type.getFullName() + " is neither"));
                    }
                }
            });
}
