-- pws_reader sees what is in schema wilayah and can write nowhere, not even temporary tables.
-- DatabaseRole pws-reader makes the role; without it this fails and the Job tries again.
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO pws_reader;
GRANT USAGE ON SCHEMA wilayah TO pws_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA wilayah TO pws_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA wilayah GRANT SELECT ON TABLES TO pws_reader;
