package health.ilp.fhir;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.config.util.ResourceCountCacheUtil;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.util.ResourceCountCache;
import ca.uhn.fhir.rest.server.ApacheProxyAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What the server answers: the resources and the system interactions, without bulk, upload and tester operations. */
@Configuration
class Rest {
    @Bean
    DatabaseBackedPagingProvider pages() {
        DatabaseBackedPagingProvider pages = new DatabaseBackedPagingProvider();
        pages.setDefaultPageSize(20);
        pages.setMaximumPageSize(200);
        return pages;
    }

    /** The capability statement tells how many resources of each type there are, and asks for the bean by this name. */
    @Bean("myResourceCountsCache")
    ResourceCountCache counts(IFhirSystemDao<?, ?> system) {
        return ResourceCountCacheUtil.newResourceCountCache(system);
    }

    @Bean
    RestfulServer restfulServer(IFhirSystemDao<?, ?> system, ResourceProviderFactory resources, IJpaSystemProvider systemProvider,
            DatabaseBackedPagingProvider pages, JpaStorageSettings settings, ISearchParamRegistry parameters,
            IValidationSupport validation) {
        RestfulServer server = new RestfulServer(system.getContext());
        server.registerProviders(resources.createProviders());
        server.registerProvider(systemProvider);
        server.setServerConformanceProvider(
                new JpaCapabilityStatementProvider(server, system, settings, parameters, validation));
        server.setPagingProvider(pages);
        server.setServerAddressStrategy(ApacheProxyAddressStrategy.forHttp());
        return server;
    }
}
